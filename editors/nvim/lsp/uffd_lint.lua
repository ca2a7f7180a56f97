-- Neovim 0.11 and later finds this file when editors/nvim is on the runtime path: vim.lsp.enable('uffd_lint')
-- Settings: vim.lsp.config('uffd_lint', { settings = { ['uffd-lint'] = { defines = { 'NAME=1' } } } })
return {
  cmd = { 'uffd-lint', 'lsp', '--stdio' },
  filetypes = { 'c' },
  root_markers = { 'compile_commands.json', '.git' },
}
