// Python's upb as a subprocess; see upb_peer.py for the frames.

import { FramedProcess } from "./framed_process.ts";

const PROGRAM = `${import.meta.dirname}/upb_peer.py`;

/** What upb makes of an accepted input. */
export interface UpbMessage {
  readonly binary: Uint8Array;
  /** Empty for a message without a JSON form. */
  readonly json: string;
}

/** Talks to one subprocess. */
export class Upb implements AsyncDisposable {
  readonly #process: FramedProcess;

  private constructor(process: FramedProcess) {
    this.#process = process;
  }

  /** Starts it with a Python interpreter; undefined, with the reason on the console, if that has no upb. */
  static async start(python: string): Promise<Upb | undefined> {
    const probe =
      'from google.protobuf.internal import api_implementation as a; print(a.Type(), end="")';
    try {
      const { stdout } = await new Deno.Command(python, {
        args: ["-c", probe],
        stderr: "null",
      }).output();
      if (new TextDecoder().decode(stdout) === "upb") {
        return new Upb(new FramedProcess(python, [PROGRAM]));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    console.log(`${python} has no upb: pip install protobuf`);
    return undefined;
  }

  /** Gives it a file with the type `random.M0`; returns why it refuses it, or "". */
  async load(file: Uint8Array): Promise<string> {
    return new TextDecoder().decode(await this.#ask("S", file));
  }

  /** Decodes a message, binary (`B`) or JSON (`J`); undefined when upb rejects it. */
  async decode(form: "B" | "J", input: Uint8Array): Promise<UpbMessage | undefined> {
    const answer = await this.#ask(form, input);
    if (answer[0] !== 0x41) return undefined;
    const length = new DataView(answer.buffer, answer.byteOffset).getUint32(1, true);
    return {
      binary: answer.subarray(5, 5 + length),
      json: new TextDecoder().decode(answer.subarray(5 + length)),
    };
  }

  async #ask(kind: string, data: Uint8Array): Promise<Uint8Array> {
    return await this.#process.ask(Uint8Array.of(kind.charCodeAt(0)), data);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
