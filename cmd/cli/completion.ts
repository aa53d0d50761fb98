/**
 * Shell completion. The scripts ask the program itself for the options of a sub-command, so they never lag behind it.
 *
 * @module
 */

/** Shells with a completion script. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** Name of a shell with a completion script. */
export type Shell = typeof SHELLS[number];

/** Words that may follow a sub-command, besides options and files. */
function wordsAfter(commands: Commands): Readonly<Record<string, readonly string[]>> {
  return {
    attest: ["verify", "fetch"],
    completion: SHELLS,
    help: Object.keys(commands).filter((name) => name !== "help"),
  };
}

type Commands = Readonly<Record<string, string>>;

/** Returns the completion script of a shell for the program `vrpc` with these sub-commands. */
export function completionScript(shell: Shell, commands: Commands): string {
  if (shell === "fish") return fish(commands);
  const names = Object.keys(commands).join(" ");
  const cases = Object.entries(wordsAfter(commands))
    .map(([name, words]) => `      ${name}) words="${words.join(" ")}" ;;`).join("\n");
  return shell === "bash"
    ? BASH.replaceAll("NAMES", names).replaceAll("CASES", cases)
    : ZSH.replaceAll("NAMES", names).replaceAll("CASES", cases.replaceAll("words=", "words_="));
}

// The help that has the options: that of the sub-command, or of the command below it.
const OPTIONS = "--help 2>/dev/null | grep -oE -- '--[a-z0-9][a-z0-9-]*' | sort -u";

const BASH = `# vrpc completion for bash: source <(vrpc completion bash)
_vrpc() {
  local current=\${COMP_WORDS[COMP_CWORD]} command=\${COMP_WORDS[1]} below= words=
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="NAMES --help --version"
  elif [[ "$current" == -* ]]; then
    [ "$command" = attest ] && [ "$COMP_CWORD" -gt 2 ] && below=\${COMP_WORDS[2]}
    words=$("\${COMP_WORDS[0]}" "$command" $below ${OPTIONS})
  elif [ "$COMP_CWORD" -eq 2 ]; then
    case $command in
CASES
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _vrpc vrpc
`;

const ZSH = `#compdef vrpc
# vrpc completion for zsh: source <(vrpc completion zsh)
_vrpc() {
  local command=\${words[2]} below= words_=
  if (( CURRENT == 2 )); then
    compadd -- \${=:-NAMES} --help --version
    return
  elif [[ \${words[CURRENT]} == -* ]]; then
    [[ $command == attest ]] && (( CURRENT > 3 )) && below=\${words[3]}
    compadd -- \${(f)"$("\${words[1]}" $command $below ${OPTIONS})"}
    return
  elif (( CURRENT == 3 )); then
    case $command in
CASES
    esac
  fi
  if [[ -n $words_ ]]; then compadd -- \${=words_}; else _files; fi
}
compdef _vrpc vrpc
`;

function fish(commands: Commands): string {
  const lines = [
    "# vrpc completion for fish: vrpc completion fish | source",
    // Files follow sub-commands only.
    "complete -c vrpc -n __fish_use_subcommand -f",
  ];
  for (const [name, description] of Object.entries(commands)) {
    const text = description.replaceAll("'", "\\'");
    lines.push(`complete -c vrpc -n __fish_use_subcommand -a ${name} -d '${text}'`);
  }
  for (const [name, words] of Object.entries(wordsAfter(commands))) {
    const second = `test (count (commandline -opc)) -eq 2; and __fish_seen_subcommand_from ${name}`;
    lines.push(`complete -c vrpc -n '${second}' -f -a '${words.join(" ")}'`);
  }
  const help =
    "set -l words (commandline -opc)[2..]; test $words[1] = attest; or set words $words[1]; " +
    'vrpc $words[1..2] --help 2>/dev/null | string match -a -r -- "--[a-z0-9][a-z0-9-]*" | sort -u';
  lines.push(
    `function __vrpc_options; ${help}; end`,
    "complete -c vrpc -n 'not __fish_use_subcommand; and string match -q -- \"-*\" (commandline -ct)' " +
      "-f -a '(__vrpc_options)'",
  );
  return lines.join("\n") + "\n";
}
