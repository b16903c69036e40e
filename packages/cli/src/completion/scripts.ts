export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/**
 * What makes a shell ask `program complete -- WORD…` for candidates: a line each, with its description after a tab, or
 * `:files` or `:directories`. Nothing of what was typed is ever evaluated.
 */
export function completionScript(shell: Shell, program: string): string {
  return { bash, zsh, fish }[shell](program);
}

function bash(program: string): string {
  return `_peerd() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) compopt -o default 2>/dev/null ;;
      :directories) compopt -o dirnames 2>/dev/null ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <(${program} complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _peerd peerd
`;
}

function zsh(program: string): string {
  return `#compdef peerd
_peerd() {
  local line
  local -a candidates
  for line in "\${(@f)$(${program} complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    case $line in
      :files) _files; return ;;
      :directories) _files -/; return ;;
      ?*) candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
    esac
  done
  _describe -V peerd candidates
}
if [[ \${funcstack[1]} == _peerd ]]; then _peerd "$@"; else compdef _peerd peerd; fi
`;
}

function fish(program: string): string {
  return `function __peerd_candidates
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines (${program} complete -- $words[2..-1] "$current" 2>/dev/null)
    switch "$lines[1]"
        case :files
            __fish_complete_path "$current"
        case :directories
            __fish_complete_directories "$current"
        case '?*'
            printf '%s\\n' $lines
    end
end
complete -c peerd -f -a '(__peerd_candidates)'
`;
}
