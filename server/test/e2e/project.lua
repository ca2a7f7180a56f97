-- Opens one file of a project in a real Neovim (0.7 and later) and waits for a diagnostic that needs another file; then
-- changes that file on the disk, saves, and waits for it to go. Arguments by environment: UFFD_CMD and UFFD_SETTINGS
-- (JSON), UFFD_ROOT, UFFD_FILE, UFFD_OTHER (path of the other file), UFFD_CODE. Prints one line of JSON.
local root, other, code = os.getenv('UFFD_ROOT'), os.getenv('UFFD_OTHER'), os.getenv('UFFD_CODE')
vim.cmd('edit ' .. vim.fn.fnameescape(os.getenv('UFFD_FILE')))
vim.bo.filetype = 'c'
local config = {
  name = 'uffd-lint',
  cmd = vim.fn.json_decode(os.getenv('UFFD_CMD')),
  root_dir = root,
  settings = vim.fn.json_decode(os.getenv('UFFD_SETTINGS')),
}
local exit
config.on_exit = function(status) exit = status end
local id
if vim.lsp.start then
  id = vim.lsp.start(config)
else
  id = vim.lsp.start_client(config)
  vim.lsp.buf_attach_client(0, id)
end

local function codes()
  local found = {}
  for _, d in ipairs(vim.diagnostic.get(0)) do
    local lsp = d.user_data and d.user_data.lsp or {}
    table.insert(found, d.code or lsp.code)
  end
  return found
end
local result = {}
result.arrived = vim.wait(20000, function() return vim.tbl_contains(codes(), code) end, 20)
result.codes = codes()
local first = vim.diagnostic.get(0)[1]
result.line = first and first.lnum + 1
-- The other file stops registering the range.
local lines = {}
for _, line in ipairs(vim.fn.readfile(other)) do
  if not line:find('UFFDIO_REGISTER,', 1, true) then table.insert(lines, line) end
end
vim.fn.writefile(lines, other)
vim.cmd('silent write')
result.cleared = vim.wait(20000, function() return #vim.diagnostic.get(0) == 0 end, 20)
local client = vim.lsp.get_client_by_id(id)
if client and client.stop and vim.fn.has('nvim-0.11') == 1 then client:stop() else vim.lsp.stop_client(id) end
vim.wait(5000, function() return exit ~= nil end, 20)
result.exit = exit
io.stdout:write(vim.fn.json_encode(result) .. '\n')
vim.cmd('qa!')
