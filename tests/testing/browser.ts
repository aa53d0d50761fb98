/**
 * A headless Chromium, driven by its DevTools protocol.
 *
 * @module
 */

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--remote-debugging-port=0",
];

/** The name of a Chromium that is installed, if any is. */
export async function findChromium(): Promise<string | undefined> {
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    const command = new Deno.Command(name, { args: ["--version"], stdout: "null", stderr: "null" });
    try {
      if ((await command.output()).success) return name;
    } catch {
      // There is no such program; this is thrown, not rejected.
    }
  }
  return undefined;
}

interface Reply {
  id?: number;
  method?: string;
  // deno-lint-ignore no-explicit-any -- the protocol's own shapes
  params?: any;
  // deno-lint-ignore no-explicit-any
  result?: any;
  error?: { message: string };
}

/** One page of a browser of its own. */
export class Page implements AsyncDisposable {
  /** What the page's console and its uncaught errors said. */
  readonly complaints: string[] = [];
  readonly #process: Deno.ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  // deno-lint-ignore no-explicit-any
  readonly #waiting = new Map<number, PromiseWithResolvers<any>>();
  #lastId = 0;

  private constructor(process: Deno.ChildProcess, profile: string, socket: WebSocket) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
  }

  /** Starts a browser with an empty page. */
  static async open(chromium: string): Promise<Page> {
    const profile = await Deno.makeTempDir();
    const process = new Deno.Command(chromium, {
      args: [...FLAGS, `--user-data-dir=${profile}`, "about:blank"],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const port = await debuggingPort(process.stderr);
    const list = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
    const url = list.find((one: { type: string }) => one.type === "page").webSocketDebuggerUrl;
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    const page = new Page(process, profile, socket);
    for (const domain of ["Page", "Runtime", "Log"]) await page.send(`${domain}.enable`);
    return page;
  }

  #take(reply: Reply): void {
    if (reply.id !== undefined) {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (reply.error) waiting?.reject(new Error(reply.error.message));
      else waiting?.resolve(reply.result);
    } else if (reply.method === "Runtime.exceptionThrown") {
      this.complaints.push(reply.params.exceptionDetails.text);
    } else if (reply.method === "Log.entryAdded" && reply.params.entry.level === "error") {
      this.complaints.push(reply.params.entry.text);
    } else if (reply.method === "Runtime.consoleAPICalled" && reply.params.type === "error") {
      this.complaints.push(JSON.stringify(reply.params.args));
    }
  }

  // deno-lint-ignore no-explicit-any
  send(method: string, params: Record<string, unknown> = {}): Promise<any> {
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers();
    this.#waiting.set(id, waiting);
    this.#socket.send(JSON.stringify({ id, method, params }));
    return waiting.promise;
  }

  /** Sets the size of the window and whether the page is to be dark. */
  async look(width: number, height: number, dark: boolean): Promise<void> {
    await this.send("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: false,
    });
    await this.send("Emulation.setEmulatedMedia", {
      features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }],
    });
  }

  /** Loads a page. */
  async goto(url: string): Promise<void> {
    await this.send("Page.navigate", { url });
    await this.until("document.readyState === 'complete'");
  }

  /** The value of an expression in the page. */
  async evaluate(expression: string): Promise<unknown> {
    const { result } = await this.send("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    return result.value;
  }

  /** Waits until an expression is true; rejects after ten seconds. */
  async until(expression: string): Promise<void> {
    const script = `new Promise((resolve, reject) => {
      const end = performance.now() + 10000;
      const look = () => (${expression}) ? resolve(true)
        : performance.now() > end ? resolve(false) : setTimeout(look, 20);
      look();
    })`;
    if (await this.evaluate(script) !== true) {
      throw new Error(`It did not become true: ${expression}`);
    }
  }

  /** A picture of the window as PNG. */
  async screenshot(): Promise<Uint8Array> {
    return Uint8Array.fromBase64((await this.send("Page.captureScreenshot")).data);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.onclose = resolve);
    this.#socket.close();
    await closed;
    this.#process.kill("SIGKILL");
    await this.#process.status;
    // Its helpers may still be writing there for a moment.
    for (let i = 0; i < 20; i++) {
      if (await Deno.remove(this.#profile, { recursive: true }).then(() => true, () => false)) {
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function debuggingPort(stderr: ReadableStream<Uint8Array>): Promise<number> {
  let text = "";
  const decoder = new TextDecoder();
  const reader = stderr.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`Chromium ended: ${text}`);
    text += decoder.decode(value, { stream: true });
    const match = /DevTools listening on ws:\/\/[^:]+:(\d+)\//.exec(text);
    if (match) {
      await reader.cancel();
      return Number(match[1]);
    }
  }
}
