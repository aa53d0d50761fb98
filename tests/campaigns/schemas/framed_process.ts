// A subprocess that answers frames on its standard input with frames on its standard output: length (4 bytes,
// little-endian) and that many bytes.

/** Talks to one subprocess, a frame at a time. */
export class FramedProcess implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamBYOBReader;

  constructor(program: string, args: string[] = []) {
    this.#process = new Deno.Command(program, { args, stdin: "piped", stdout: "piped" }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#reader = this.#process.stdout.getReader({ mode: "byob" });
  }

  /** Sends a frame with a head and data; returns the answer. */
  async ask(head: Uint8Array, data: Uint8Array): Promise<Uint8Array> {
    const frame = new Uint8Array(4 + head.length + data.length);
    new DataView(frame.buffer).setUint32(0, frame.length - 4, true);
    frame.set(head, 4);
    frame.set(data, 4 + head.length);
    await this.#writer.write(frame);
    const prefix = await this.#read(4);
    const length = new DataView(prefix.buffer, prefix.byteOffset).getUint32(0, true);
    return length === 0 ? new Uint8Array(0) : await this.#read(length);
  }

  async #read(length: number): Promise<Uint8Array> {
    const { value } = await this.#reader.read(new Uint8Array(length), { min: length });
    if (value?.length !== length) throw new Error("the subprocess ended");
    return value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    this.#reader.releaseLock();
    await this.#process.stdout.cancel();
    await this.#process.status;
  }
}
