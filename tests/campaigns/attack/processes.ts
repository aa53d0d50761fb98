/** Processes of the attack suite: server, attackers, legitimate load. */

import { BEHIND_OTHERS, goFirst, pin, SERVER_V8_FLAGS } from "../../../bench/processes.ts";
import type { AttackerReport, AttackerTask } from "./report.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;

// The server runs on one core, attackers and clients on another.
const VICTIM_CORE = "0";
const OTHER_CORE = "1";

/** `before`: command prefix, such as `taskset`. */
async function onCore(
  core: string,
  args: string[],
  before: readonly string[] = [],
): Promise<Deno.Command> {
  const options = { cwd: ROOT, stdin: "null", stdout: "piped", stderr: "piped" } as const;
  if (await hasTaskset()) {
    return new Deno.Command("taskset", {
      args: ["-c", core, ...before, Deno.execPath(), ...args],
      ...options,
    });
  }
  return new Deno.Command(Deno.execPath(), { args, ...options });
}

let taskset: boolean | undefined;

async function hasTaskset(): Promise<boolean> {
  if (taskset !== undefined) return taskset;
  try {
    const { success } = await new Deno.Command("taskset", {
      args: ["-c", OTHER_CORE, "true"],
      stdout: "null",
      stderr: "null",
    }).output();
    return taskset = success;
  } catch {
    return taskset = false;
  }
}

/** Pins this process, which measures, to the core of attackers and clients, with a higher priority. */
export async function moveToOtherCore(): Promise<void> {
  await pin(Deno.pid, OTHER_CORE);
  await goFirst(Deno.pid);
}

/** A program under attack. */
export class ServerProcess {
  /** Whether it is running. */
  alive = true;
  readonly stderr: string[] = [];
  /** Root of its documents, in base64. */
  readonly root: string | undefined;

  private constructor(
    readonly child: Deno.ChildProcess,
    readonly port: number,
    printed: string,
    readonly behind: ServerProcess | undefined,
  ) {
    this.root = /^root (\S+)$/m.exec(printed)?.[1];
    child.status.then(() => this.alive = false);
    this.#readErrors();
  }

  /** Starts the server program on one thread and a free port. */
  static async start(tls?: { certFile: string; keyFile: string }): Promise<ServerProcess> {
    const args = ["cmd/server.ts", "--addr", "127.0.0.1:0", "--workers", "1"];
    args.push("--log-level", "error", "--crypto-backend", "webcrypto");
    if (tls !== undefined) args.push("--tls-cert", tls.certFile, "--tls-key", tls.keyFile);
    return await ServerProcess.#started(VICTIM_CORE, args);
  }

  /** Starts the server that exchanges documents. */
  static async startAttested(tls: { certFile: string; keyFile: string }): Promise<ServerProcess> {
    const program = "tests/campaigns/attack/attested_server.ts";
    return await ServerProcess.#started(VICTIM_CORE, [program, tls.certFile, tls.keyFile]);
  }

  /**
   * Starts the host program in front of an enclave on its core: the enclave takes part in each measured call, and would
   * wait for up to 100 ms behind the measuring process on the other core.
   */
  static async startHost(): Promise<ServerProcess> {
    const common = ["--addr", "127.0.0.1:0", "--log-level", "error"];
    const enclave = await ServerProcess.#started(VICTIM_CORE, ["cmd/enclave.ts", ...common]);
    const args = ["cmd/host.ts", ...common, "--enclave", `127.0.0.1:${enclave.port}`];
    return await ServerProcess.#started(VICTIM_CORE, args, enclave);
  }

  static async #started(
    core: string,
    args: string[],
    behind?: ServerProcess,
  ): Promise<ServerProcess> {
    // Like the task `server`.
    const child = (await onCore(core, ["run", "-A", SERVER_V8_FLAGS, ...args])).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`The server ended before listening: ${text}`);
      text += value;
      const match = /listening \S*?:(\d+)\n/.exec(text);
      if (match === null) continue;
      reader.releaseLock();
      return new ServerProcess(child, Number(match[1]), text, behind);
    }
  }

  async #readErrors(): Promise<void> {
    for await (const text of this.child.stderr.pipeThrough(new TextDecoderStream())) {
      this.stderr.push(text);
      if (this.stderr.length > 50) this.stderr.shift();
    }
  }

  /** Resident memory in MiB. */
  residentMib(): number {
    try {
      const pages = Number(Deno.readTextFileSync(`/proc/${this.child.pid}/statm`).split(" ")[1]);
      return pages * 4096 / 2 ** 20;
    } catch {
      return 0;
    }
  }

  /** Open descriptors. */
  descriptors(): number {
    try {
      return [...Deno.readDirSync(`/proc/${this.child.pid}/fd`)].length;
    } catch {
      return 0;
    }
  }

  async stop(): Promise<void> {
    if (this.alive) this.child.kill("SIGTERM");
    await this.child.status;
    await this.behind?.stop();
  }
}

async function lastLine(child: Deno.ChildProcess): Promise<string> {
  const { stdout, stderr } = await child.output();
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  if (lines.at(-1) === "") throw new Error(new TextDecoder().decode(stderr));
  return lines.at(-1)!;
}

/** Runs an attack. */
export async function runAttacker(task: AttackerTask): Promise<AttackerReport> {
  const args = ["run", "-A", "tests/campaigns/attack/attacker.ts", JSON.stringify(task)];
  return JSON.parse(await lastLine((await onCore(OTHER_CORE, args, BEHIND_OTHERS)).spawn()));
}

/** Runs legitimate calls at a rate of bytes; returns the rate achieved. */
export async function runLegitimate(
  task: Omit<AttackerTask, "name">,
  bytesPerSecond: number,
): Promise<number> {
  const text = JSON.stringify({ ...task, bytesPerSecond });
  const args = ["run", "-A", "tests/campaigns/attack/legitimate.ts", text];
  const child = (await onCore(OTHER_CORE, args, BEHIND_OTHERS)).spawn();
  return JSON.parse(await lastLine(child)).bytesPerSecond;
}
