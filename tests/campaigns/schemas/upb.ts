// Python's upb as a subprocess; see upb_peer.py for the frames.

const PROGRAM = `${import.meta.dirname}/upb_peer.py`;

/** What upb makes of an accepted input. */
export interface UpbMessage {
  readonly binary: Uint8Array;
  /** Empty for a message without a JSON form. */
  readonly json: string;
}

/** Talks to one subprocess, a frame at a time. */
export class Upb implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamBYOBReader;

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#writer = process.stdin.getWriter();
    this.#reader = process.stdout.getReader({ mode: "byob" });
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
        const command = new Deno.Command(python, {
          args: [PROGRAM],
          stdin: "piped",
          stdout: "piped",
        });
        return new Upb(command.spawn());
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
    const frame = new Uint8Array(5 + data.length);
    new DataView(frame.buffer).setUint32(0, data.length + 1, true);
    frame[4] = kind.charCodeAt(0);
    frame.set(data, 5);
    await this.#writer.write(frame);
    const head = await this.#read(4);
    const length = new DataView(head.buffer, head.byteOffset).getUint32(0, true);
    return length === 0 ? new Uint8Array(0) : await this.#read(length);
  }

  async #read(length: number): Promise<Uint8Array> {
    const { value } = await this.#reader.read(new Uint8Array(length), { min: length });
    if (value?.length !== length) throw new Error("upb ended");
    return value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    this.#reader.releaseLock();
    await this.#process.stdout.cancel();
    await this.#process.status;
  }
}
