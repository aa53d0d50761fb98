/**
 * `vrpc repl`: commands about one server, from a terminal or from lines of standard input.
 *
 * @module
 */

import process from "node:process";
import type { DescMessage } from "@bufbuild/protobuf";
import { type Metadata, RpcError, Status } from "../../../mod.ts";
import { errorLine, UsageError } from "../../shared/program.ts";
import { callMethod } from "../call.ts";
import { describe } from "../describe.ts";
import { errorText } from "../error_text.ts";
import { readMetadata } from "../headers.ts";
import { health } from "../health.ts";
import { listText } from "../list.ts";
import { findMethod, type FoundMethod } from "../lookup.ts";
import { SILENCE_MS } from "../options.ts";
import { linesOf } from "../text.ts";
import { Trace } from "../trace.ts";
import { completeCommand } from "./completion.ts";
import { type Console, type Input, PipedConsole, TerminalConsole } from "./console.ts";
import { type CommandName, commandOf, helpText } from "./help.ts";
import { History } from "./history.ts";
import { completeJson, type Completions } from "./json_completion.ts";
import { fullName, noSuchName } from "../names.ts";
import { completed, TypedRequests, writtenRequests } from "./requests.ts";
import type { Server } from "./server.ts";
import { set, unset } from "./settings.ts";

/** What a run needs. */
export interface ReplOptions {
  readonly server: Server;
  /** As it was given, for the greeting. */
  readonly address: string;
  /** File of the history; undefined for none. */
  readonly historyPath: string | undefined;
}

/** Exit code of status 0. */
const STATUS_EXIT = 64;
const PROMPT = "vrpc> ";

/** Ctrl-C. */
class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/**
 * Runs commands to the end of the input. Returns the exit code: 0 on a terminal, else that of the first command that
 * failed. Rejects with RpcError when the server can't be reached at the start.
 */
export async function runRepl(options: ReplOptions): Promise<number> {
  await options.server.connect();
  const repl = new Repl(options);
  try {
    return await repl.run();
  } finally {
    repl.close();
  }
}

class Repl {
  readonly #server: Server;
  readonly #address: string;
  readonly #history: History | undefined;
  readonly #console: Console;
  /** Cancels the command that runs. */
  #running = new AbortController();
  /** Lines of the command, until they are in the history. */
  #typed: string[] = [];
  /** Message that is being typed, and what there is of it. */
  #message: { readonly type: DescMessage; readonly before: string } | undefined;
  /** Method that is called, whose types error details may have. */
  #method: FoundMethod | undefined;

  constructor({ server, address, historyPath }: ReplOptions) {
    this.#server = server;
    this.#address = address;
    if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) {
      this.#console = new PipedConsole(
        linesOf(Deno.stdin.readable.pipeThrough(new TextDecoderStream())),
      );
      return;
    }
    try {
      this.#history = new History(historyPath);
    } catch (error) {
      console.error(`vrpc: Cannot read the history ${historyPath}: ${errorLine(error)}`);
    }
    this.#console = new TerminalConsole({
      complete: (line) => this.#complete(line),
      interrupt: () => this.#interrupt(),
      history: this.#history?.entries ?? [],
    });
  }

  async run(): Promise<number> {
    if (this.#console.interactive) {
      await this.#console.hint(
        `Connected to ${this.#address}. help lists the commands, Tab completes, Ctrl-D leaves.`,
      );
      // So that the first completion need not wait for it.
      this.#server.known().catch(() => {});
    }
    let code = 0;
    for (let input; (input = await this.#console.read(PROMPT)) !== "end";) {
      if (typeof input === "string") {
        if (input === "interrupt") await this.#console.hint("(exit or Ctrl-D leaves)");
        continue;
      }
      const line = input.line.trim();
      if (line === "" || line.startsWith("#")) continue;
      this.#typed = [input.line];
      if (/^(exit|quit)$/.test(line)) break;
      const failure = await this.#execute(line);
      if (!this.#console.interactive) code ||= failure;
    }
    return code;
  }

  close(): void {
    this.#console.close();
  }

  /** Runs a command. Returns its exit code, once errors are printed. */
  async #execute(line: string): Promise<number> {
    this.#running = new AbortController();
    this.#method = undefined;
    const { signal } = this.#running;
    const interrupted = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => interrupted.reject(new Interrupted()));
    interrupted.promise.catch(() => {});
    try {
      const [, word, rest] = /^(\S+)\s*([^]*)$/.exec(line)!;
      const command = this.#run(commandOf(word), rest.trim());
      command.catch(() => {});
      await Promise.race([command, interrupted.promise]);
      return 0;
    } catch (error) {
      return await this.#failed(error);
    } finally {
      this.#remember();
      this.#message = undefined;
    }
  }

  async #failed(error: unknown): Promise<number> {
    if (error instanceof Interrupted || this.#running.signal.aborted) {
      await this.#console.note("Cancelled.");
      return STATUS_EXIT + Status.CANCELLED;
    }
    if (error instanceof RpcError) {
      const lookup = await this.#server.lookup();
      const known = this.#method?.types?.registry ?? lookup.given?.registry;
      const { format } = this.#server.settings;
      await this.#console.note(await errorText(error, { format, known, lookup }));
      return STATUS_EXIT + error.code;
    }
    await this.#console.note(errorLine(error));
    return error instanceof UsageError ? 2 : 1;
  }

  async #run(command: CommandName, rest: string): Promise<void> {
    const server = this.#server;
    switch (command) {
      case "list":
        return await this.#list(rest);
      case "describe":
      case "template":
        return await this.#describe(rest, command === "template");
      case "call":
        return await this.#call(rest);
      case "health":
        return await this.#health(rest);
      case "set":
        return await this.#set(rest);
      case "unset": {
        const count = unset(server.settings, rest);
        return await this.#print(`Removed ${count} ${count === 1 ? "entry" : "entries"}.`);
      }
      case "reload":
        server.reload();
        return await this.#print(`${(await server.methods()).length} methods`);
      case "help":
        if (this.#console.interactive) return await this.#console.hint(helpText(rest));
        return await this.#print(helpText(rest));
      case "exit":
        throw new UsageError("exit takes no arguments");
    }
  }

  async #list(text: string): Promise<void> {
    const wanted = text.toLowerCase();
    const all = await this.#server.methods();
    const found = all.filter(({ name }) => name.toLowerCase().includes(wanted));
    if (found.length === 0) throw new UsageError(`No method has ${text || "a name"} in its name`);
    const width = this.#console.interactive ? process.stdout.columns : undefined;
    await this.#print(listText(found, this.#server.settings.format, width));
  }

  async #describe(rest: string, template: boolean): Promise<void> {
    const given = rest === "" ? [] : rest.split(/\s+/);
    if (template && given.length === 0) {
      throw new UsageError("template needs the name of a method or a message");
    }
    const lookup = await this.#server.lookup();
    const { format } = this.#server.settings;
    await this.#print(await describe(lookup, { symbols: given, format, template }));
  }

  async #health(rest: string): Promise<void> {
    const words = rest.split(/\s+/).filter((word) => word !== "");
    const watch = words.includes("--watch");
    const [service = "", ...more] = words.filter((word) => word !== "--watch");
    if (more.length > 0) throw new UsageError("health takes one service");
    const { channel, options } = await this.#server.lookup();
    const { format } = this.#server.settings;
    const lines: Promise<void>[] = [];
    await health(channel, {
      service,
      watch,
      format,
      options: {
        metadata: options.metadata,
        timeoutMs: watch ? undefined : SILENCE_MS,
        signal: this.#running.signal,
      },
      print: (line) => void lines.push(this.#print(line)),
    });
    await Promise.all(lines);
  }

  async #set(rest: string): Promise<void> {
    const { settings } = this.#server;
    const entry = /^header\s+([^]+)$/.exec(rest)?.[1];
    // An entry that cannot be sent would fail every call.
    if (entry !== undefined) await readMetadata([entry]);
    const before = { ...settings };
    const text = set(settings, rest);
    if (text !== "") await this.#console.write(text);
    if (settings.wire === before.wire && settings.httpVersion === before.httpVersion) return;
    try {
      await this.#server.connect();
    } catch (error) {
      if (error instanceof UsageError) Object.assign(settings, before);
      throw error;
    }
  }

  async #call(rest: string): Promise<void> {
    const [, name, text] = /^(\S*)\s*([^]*)$/.exec(rest)!;
    if (name === "") throw new UsageError("call needs a method: call METHOD [JSON]");
    const method = this.#method = await this.#find(name);
    const streams = method.kind === "client_streaming" || method.kind === "bidi_streaming";
    const ended = new AbortController();
    let typed: TypedRequests | undefined;
    if (streams && text === "") typed = this.#typedRequests(method, ended.signal);
    const requests = typed ?? writtenRequests(await this.#written(method, text));
    this.#remember();
    if (typed !== undefined) {
      await this.#console.hint(
        "Type the requests; an empty line or Ctrl-D ends them, Ctrl-C cancels the call.",
      );
    }
    const trace = this.#server.settings.verbose ? new Trace() : undefined;
    trace?.found();
    this.#server.trace = trace;
    try {
      await this.#send(method, requests, trace);
    } finally {
      ended.abort();
      this.#server.trace = undefined;
      await typed?.drain();
    }
  }

  async #send(
    method: FoundMethod,
    requests: TypedRequests | ReturnType<typeof writtenRequests>,
    trace: Trace | undefined,
  ): Promise<void> {
    const { timeoutMs, compress, emitDefaults, format } = this.#server.settings;
    const { channel, options: { metadata } } = await this.#server.lookup();
    try {
      await callMethod({
        channel,
        method,
        requests,
        print: { raw: false, emitDefaults },
        options: { metadata, compress, timeoutMs: timeoutMs || undefined },
        signal: this.#running.signal,
        write: (bytes) => this.#console.write(bytes),
        trace,
        silenceMs: timeoutMs === undefined ? SILENCE_MS : Infinity,
      });
    } finally {
      trace?.print(method, metadata as Metadata, format === "json");
    }
  }

  /** Finds a method by its name, or by the unique end of one. Rejects with RpcError. */
  async #find(name: string): Promise<FoundMethod> {
    const lookup = await this.#server.lookup();
    const names = await this.#server.methods().then(
      (methods) => methods.map((one) => one.name),
      () => [],
    );
    const full = fullName(name, names);
    if (full === undefined && names.length > 0 && !name.includes("/")) {
      throw noSuchName(name, "method", names);
    }
    return await findMethod(lookup, full ?? name);
  }

  #typedRequests({ types }: FoundMethod, ended: AbortSignal): TypedRequests {
    return new TypedRequests({
      console: this.#console,
      ended,
      typing: (before) => this.#message = types && { type: types.input, before },
      interrupt: () => this.#interrupt(),
    });
  }

  /** Reads the rest of a command that is JSON over several lines. */
  async #written({ types }: FoundMethod, text: string): Promise<string> {
    if (types === undefined || text.startsWith("@")) return text;
    return await completed(text, async (before) => {
      this.#message = { type: types.input, before };
      const input: Input = await this.#console.read("... ");
      if (input === "end") return undefined;
      if (typeof input === "string") throw new Interrupted();
      this.#typed.push(input.line);
      return input.line;
    });
  }

  #remember(): void {
    if (this.#typed.length === 0) return;
    const [first, ...more] = this.#typed;
    const command = [first.trimEnd(), ...more.map((line) => line.trim())].join(" ");
    this.#typed = [];
    this.#console.remember(command);
    try {
      this.#history?.add(command);
    } catch (error) {
      console.error(`vrpc: Cannot write the history: ${errorLine(error)}`);
    }
  }

  #interrupt(): void {
    this.#running.abort(new RpcError(Status.CANCELLED, "Cancelled by Ctrl-C"));
  }

  async #complete(line: string): Promise<Completions> {
    if (this.#message !== undefined) {
      const { type, before } = this.#message;
      return completeJson(type, `${before}\n${line}`);
    }
    return completeCommand(line, await this.#server.known());
  }

  #print(text: string): Promise<void> {
    return this.#console.write(`${text}\n`);
  }
}
