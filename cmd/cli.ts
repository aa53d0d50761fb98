/**
 * All programs as one, with sub-commands:
 *
 *     deno run -A jsr:@vrpc/vrpc/cli call 127.0.0.1:50051 vrpc.echo.v1.EchoService/Echo '{"payload":"aGk="}'
 *     deno install -gA -n vrpc jsr:@vrpc/vrpc/cli
 *     vrpc serve --addr 127.0.0.1:50051
 *
 * @module
 */

import { completionScript, type Shell, SHELLS } from "./cli/completion.ts";
import { programArguments, setProgramArguments } from "./shared/arguments.ts";
import { examplesText } from "./shared/examples.ts";
import { listed } from "./shared/program.ts";
import { versionText } from "./shared/version.ts";
import { didYouMean } from "../src/rpc/dispatch/name_suggestion.ts";

/** Sub-commands and what they do. */
const COMMANDS: Readonly<Record<string, string>> = {
  call: "call a method, with JSON or bytes",
  list: "list the methods of a server",
  describe: "describe services, methods and messages",
  session: "talk to a bidirectional method, line by line",
  repl: "run commands about a server, with completion and history",
  health: "ask a server for its health",
  channelz: "show a server's channels, servers and connections",
  openapi: "print the OpenAPI document of a server's methods",
  attest: "verify the document of an enclave, from a file or a server",
  pcrs: "print the measurements of an enclave image",
  serve: "run a server with the ready services",
  client: "check a server with calls of every kind",
  bench: "put load on a server, and report",
  enclave: "run the service of an enclave",
  host: "put HTTP with JSON in front of a service",
  completion: `print the completion script of ${listed(SHELLS)}`,
  help: "print this help, or that of a command",
};

/** Sub-commands that are programs of their own. Each module runs as it is loaded. */
const PROGRAMS: Readonly<Record<string, () => Promise<unknown>>> = {
  serve: () => import("./server.ts"),
  client: () => import("./client.ts"),
  bench: () => import("./benchmark.ts"),
  enclave: () => import("./enclave.ts"),
  host: () => import("./host.ts"),
};

const HELP = `Usage: vrpc <command> [options]

Commands:
${Object.entries(COMMANDS).map(([name, text]) => `  ${name.padEnd(12)}${text}`).join("\n")}

Options:
  -h, --help  print this help, or that of a command behind it, and exit
  --version   print the version, the runtime and the commit, and exit

${
  examplesText("vrpc", [
    ["serve --addr 127.0.0.1:50051", "a server to try things on"],
    ["list 127.0.0.1:50051", "its methods"],
    ["describe 127.0.0.1:50051 vrpc.echo.v1.EchoService", "one of its services"],
    [
      `call 127.0.0.1:50051 vrpc.echo.v1.EchoService/Echo '{"payload":"aGk="}'`,
      "a call; bytes are in base64",
    ],
    [
      `call --wire connect https://api.example/rpc shop.v1.Orders/Get '{"id":"7"}'`,
      "a call to a server behind a URL",
    ],
    ["repl 127.0.0.1:50051", "all of this, with completion and history"],
    ["bench --duration 10s", "load for ten seconds, and a report"],
    ["help call", "more about a command"],
  ])
}
`;

const COMPLETION_HELP = `Usage: vrpc completion <shell>

Prints the completion script of a shell: ${listed(SHELLS)}.

Examples:
  # bash, for this session; add the line to ~/.bashrc to keep it
  source <(vrpc completion bash)
  # zsh, likewise, with ~/.zshrc
  source <(vrpc completion zsh)
  # fish, for good
  vrpc completion fish > ~/.config/fish/completions/vrpc.fish
`;

/** Exit code of a mistake in the command line. */
const USAGE = 2;

async function main(): Promise<number | undefined> {
  let [name, ...rest] = programArguments();
  if (name === "help" && rest.length > 0) [name, ...rest] = [...rest, "--help"];
  if (name === "--version") {
    console.log(versionText());
    return 0;
  }
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    const print = name === undefined ? console.error : console.log;
    print(HELP.trimEnd());
    return name === undefined ? USAGE : 0;
  }
  if (name === "completion") return completion(rest);
  const load = Object.hasOwn(PROGRAMS, name) ? PROGRAMS[name] : undefined;
  if (load !== undefined) setProgramArguments(rest, `vrpc ${name}`);
  else if (!name.startsWith("-") && !Object.hasOwn(COMMANDS, name)) return unknown(name);
  else setProgramArguments([name, ...rest]);
  await (load ?? (() => import("./vrpc.ts")))();
  return undefined;
}

function completion(args: readonly string[]): number {
  if (args[0] === "--help" || args[0] === "-h") {
    console.log(COMPLETION_HELP.trimEnd());
    return 0;
  }
  const shell = SHELLS.find((one) => one === args[0]) as Shell | undefined;
  if (shell === undefined || args.length > 1) {
    console.error(`vrpc: completion takes one of ${listed(SHELLS)}`);
    return USAGE;
  }
  console.log(completionScript(shell, COMMANDS).trimEnd());
  return 0;
}

function unknown(name: string): number {
  const hint = didYouMean(name, Object.keys(COMMANDS));
  console.error(`vrpc: Unknown command ${JSON.stringify(name)}${hint} (see vrpc --help)`);
  return USAGE;
}

const code = await main();
// Other programs exit by themselves.
if (code !== undefined) Deno.exit(code);
