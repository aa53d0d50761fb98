/** HTTP over a plain socket. */

/** A connection to a server at `127.0.0.1`. */
export class RawClient implements Disposable {
  #text = "";

  private constructor(readonly conn: Deno.Conn) {}

  /** Connects to `address` (`127.0.0.1:80`). */
  static async open(address: string): Promise<RawClient> {
    const port = Number(address.slice(address.lastIndexOf(":") + 1));
    return new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Sends text or bytes. */
  async send(value: string | Uint8Array): Promise<this> {
    const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
    for (let at = 0; at < bytes.length;) at += await this.conn.write(bytes.subarray(at));
    return this;
  }

  /** Reads until `pattern` matches what was received; rejects at the end of the stream. */
  async until(pattern: RegExp): Promise<string> {
    const buffer = new Uint8Array(65_536);
    while (!pattern.test(this.#text)) {
      const count = await this.conn.read(buffer);
      if (count === null) {
        throw new Error(`The connection ended after ${JSON.stringify(this.#text)}`);
      }
      this.#text += new TextDecoder().decode(buffer.subarray(0, count));
    }
    const text = this.#text;
    this.#text = "";
    return text;
  }

  /** Reads to the end of the stream, a reset included. */
  async rest(): Promise<string> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await this.conn.read(buffer);
        if (count === null) break;
        this.#text += new TextDecoder().decode(buffer.subarray(0, count));
      }
    } catch {
      // Reset, or closed here.
    }
    return this.#text;
  }

  [Symbol.dispose](): void {
    try {
      this.conn.close();
    } catch {
      // Closed already.
    }
  }
}
