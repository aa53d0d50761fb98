/**
 * `Deno.createHttpClient` for tests that give certificates to `fetch`: by undici on Node, by an option of its own on Bun.
 *
 * @module
 */

import { createRequire } from "node:module";
import process from "node:process";

interface ClientOptions {
  readonly caCerts?: readonly string[];
  readonly http2?: boolean;
}

/** Certificates that `fetch` trusts, and whether it may negotiate HTTP/2. */
class HttpClient implements Disposable {
  readonly ca: string;
  readonly allowH2: boolean;
  agent: Disposable | undefined = undefined;

  constructor({ caCerts = [], http2 = true }: ClientOptions) {
    this.ca = caCerts.join("\n");
    this.allowH2 = http2;
  }

  [Symbol.dispose](): void {
    this.agent?.[Symbol.dispose]();
  }
}

type Init = RequestInit & { readonly client?: HttpClient };

const require = createRequire(import.meta.url);
const ofRuntime = globalThis.fetch;

function fetchWith(input: string | URL, { client, ...init }: Init & { client: HttpClient }) {
  if ("bun" in process.versions) {
    return ofRuntime(input, { ...init, tls: { ca: client.ca } } as RequestInit);
  }
  // Loaded where a test uses it, because that takes 0.2 s.
  const { Agent, fetch } = require("undici") as typeof import("undici");
  const agent = new Agent({ allowH2: client.allowH2, connect: { ca: client.ca } });
  client.agent = { [Symbol.dispose]: () => void agent.destroy() };
  return fetch(input, { ...init, dispatcher: agent } as Parameters<typeof fetch>[1]);
}

globalThis.fetch =
  ((input: string | URL, init?: Init) =>
    init?.client === undefined
      ? ofRuntime(input, init)
      : fetchWith(input, init as Init & { client: HttpClient })) as typeof fetch;

/** Makes a client for the option `client` of `fetch`. */
export const createHttpClient = (options: ClientOptions) => new HttpClient(options);
