/**
 * Shell completion. The scripts ask the program itself for the options of a sub-command, so they never lag behind it.
 *
 * @module
 */

/** Shells with a completion script. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** Name of a shell with a completion script. */
export type Shell = typeof SHELLS[number];

/** Returns the completion script of a shell for the program `vrpc` with these sub-commands. */
export function completionScript(shell: Shell, commands: Readonly<Record<string, string>>): string {
  const names = Object.keys(commands).join(" ");
  switch (shell) {
    case "bash":
      return BASH.replaceAll("NAMES", names).replaceAll("SHELLS", SHELLS.join(" "));
    case "zsh":
      return ZSH.replaceAll("NAMES", names).replaceAll("SHELLS", SHELLS.join(" "));
    case "fish":
      return fish(commands);
  }
}

const BASH = `# vrpc completion for bash: source <(vrpc completion bash)
_vrpc() {
  local current=\${COMP_WORDS[COMP_CWORD]} command=\${COMP_WORDS[1]} words
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="NAMES --help --version"
  elif [ "$command" = completion ]; then
    words="SHELLS"
  elif [[ "$current" == -* ]]; then
    words=$("\${COMP_WORDS[0]}" "$command" --help 2>/dev/null | grep -oE -- '--[a-z0-9][a-z0-9-]*' | sort -u)
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _vrpc vrpc
`;

const ZSH = `#compdef vrpc
# vrpc completion for zsh: source <(vrpc completion zsh)
_vrpc() {
  local command=\${words[2]}
  if (( CURRENT == 2 )); then
    compadd -- \${=:-NAMES} --help --version
  elif [[ $command == completion ]]; then
    compadd -- \${=:-SHELLS}
  elif [[ \${words[CURRENT]} == -* ]]; then
    compadd -- \${(f)"$("\${words[1]}" $command --help 2>/dev/null | grep -oE -- '--[a-z0-9][a-z0-9-]*' | sort -u)"}
  else
    _files
  fi
}
compdef _vrpc vrpc
`;

function fish(commands: Readonly<Record<string, string>>): string {
  const lines = [
    "# vrpc completion for fish: vrpc completion fish | source",
    "complete -c vrpc -f",
  ];
  for (const [name, description] of Object.entries(commands)) {
    const text = description.replaceAll("'", "\\'");
    lines.push(`complete -c vrpc -n __fish_use_subcommand -a ${name} -d '${text}'`);
  }
  lines.push(
    `complete -c vrpc -n '__fish_seen_subcommand_from completion' -a '${SHELLS.join(" ")}'`,
    "complete -c vrpc -n 'not __fish_use_subcommand; and string match -q -- \"-*\" (commandline -ct)' " +
      "-a '(vrpc (commandline -opc)[2] --help 2>/dev/null | string match -r -- \"--[a-z0-9][a-z0-9-]*\" | sort -u)'",
  );
  return lines.join("\n") + "\n";
}
