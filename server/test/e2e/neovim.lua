-- Opens FILE in a real Neovim (0.7 and later), waits for the diagnostic CODE, edits it away and waits for it to go.
-- Arguments by environment: UFFD_CMD (JSON array), UFFD_ROOT, UFFD_FILE, UFFD_CODE. Prints one line of JSON.
local cmd = vim.fn.json_decode(os.getenv('UFFD_CMD'))
local code = os.getenv('UFFD_CODE')
vim.cmd('edit ' .. vim.fn.fnameescape(os.getenv('UFFD_FILE')))
vim.bo.filetype = 'c'
local config = { name = 'uffd-lint', cmd = cmd, root_dir = os.getenv('UFFD_ROOT') }
local exit
config.on_exit = function(status) exit = status end
local id
if vim.lsp.start then
  id = vim.lsp.start(config)
else
  id = vim.lsp.start_client(config)
  vim.lsp.buf_attach_client(0, id)
end

local function find()
  for _, d in ipairs(vim.diagnostic.get(0)) do
    local lsp = d.user_data and d.user_data.lsp or {}
    if (d.code or lsp.code) == code then return d end
  end
end
vim.wait(20000, function() return find() ~= nil end, 20)
local found = find()
local client = vim.lsp.get_client_by_id(id)
local result = {
  version = tostring(vim.version().major) .. '.' .. tostring(vim.version().minor),
  arrived = found ~= nil,
  line = found and found.lnum + 1,
  column = found and found.col + 1,
  source = found and found.source,
  encoding = client and client.offset_encoding,
  count = #vim.diagnostic.get(0),
}
-- An emoji before the place: the column must follow, in the units of this client.
if found then
  vim.api.nvim_buf_set_text(0, found.lnum, 0, found.lnum, 0, { '/* 🐑 */' })
  local function moved()
    local d = find()
    return d ~= nil and d.col ~= found.col
  end
  result.moved = vim.wait(20000, moved, 20)
  result.columnAfterEmoji = find() and find().col + 1
end
vim.api.nvim_buf_set_lines(0, 0, -1, false, { 'int main(void) { return 0; }' })
result.cleared = vim.wait(20000, function() return #vim.diagnostic.get(0) == 0 end, 20)
if client and client.stop and vim.fn.has('nvim-0.11') == 1 then client:stop() else vim.lsp.stop_client(id) end
vim.wait(5000, function() return exit ~= nil end, 20)
result.exit = exit
io.stdout:write(vim.fn.json_encode(result) .. '\n')
vim.cmd('qa!')
