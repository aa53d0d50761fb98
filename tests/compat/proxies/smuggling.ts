// deno run -A tests/compat/proxies/smuggling.ts
//
// Writes the tables of docs/smuggling.md: what the servers, and nginx and haproxy in front of them, make of requests that
// hide another one.

/**
 * Sends the cases of request smuggling to a server, directly or through a proxy, and records what each of them sees.
 *
 * A proxy gives every request that it passes on an id, sends it along in the field `x-front`, and logs it. A request without
 * the id of a logged one was smuggled, and so was one of which the server answers more than the proxy passed on.
 *
 * @module
 */

import { serve } from "../../../mod.ts";
import { allowedHosts, serveHttp } from "../../../src/gateway/mod.ts";
import { octets } from "../../http1/harness.ts";
import { until } from "../../fixtures/waiting.ts";
import { findProgram, haproxyFiles, nginxFiles, type ProxyFiles, startProxy } from "./proxy.ts";
import {
  BYSTANDER,
  BYSTANDER_BODY,
  SMUGGLING_CASES,
  type SmugglingCase,
} from "./smuggling_cases.ts";

/** A call that reached a handler. */
export interface SeenCall {
  readonly path: string;
  /** The field `x-front`; empty without it. */
  readonly id: string;
}

/** A request that a proxy logged. */
export interface SeenRequest {
  readonly id: string;
  /** Whether the server got it. */
  readonly passedOn: boolean;
  readonly status: number;
  readonly line: string;
}

/** What became of one case, and of the request of a bystander, on a connection of its own, that followed it. */
export interface Outcome {
  /** Requests by the log of the proxy; null without a proxy. */
  readonly requests: readonly SeenRequest[] | null;
  readonly calls: readonly SeenCall[];
  /** Number of responses of the server. */
  readonly responses: number;
  /** Statuses that the client got. */
  readonly statuses: readonly number[];
  /** Body of the answer to the bystander. */
  readonly bystander: string;
}

/** Where the cases are sent. */
export interface Door extends AsyncDisposable {
  run(one: SmugglingCase): Promise<Outcome>;
}

// Time without an octet after which a connection that waits for more of a request is given up.
const SILENCE_MS = 1_000;

const FILES: Readonly<Record<string, (port: number, backend: string) => ProxyFiles>> = {
  nginx: (port, backend) =>
    nginxFiles(
      `  upstream servers { server ${backend}; keepalive 8; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://servers;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_set_header X-Front $request_id;
      proxy_request_buffering off;
      proxy_buffering off;
    }
  }
`,
      `log_format seen '$remote_port $request_id $upstream_addr $status $request';
  access_log /dev/stdout seen;`,
    ),
  haproxy: (port, backend) =>
    haproxyFiles(`global
  log stdout format raw local0
defaults
  mode http
  log global
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  http-reuse always
  unique-id-format %[uuid()]
frontend all
  bind 127.0.0.1:${port}
  http-request set-header X-Front %[unique-id]
  log-format "%cp %ID %s %ST %r"
  default_backend servers
backend servers
  server one ${backend}
`),
};

/** Names of the proxies. */
export const FRONTS = Object.keys(FILES);

/** Version of a proxy's program; undefined if it is not installed. */
export async function versionOf(name: string): Promise<string | undefined> {
  const program = findProgram(name);
  if (program === undefined) return undefined;
  const { stdout, stderr } = await new Deno.Command(program, { args: ["-v"] }).output();
  const decoder = new TextDecoder();
  return /\d+\.\d+\.\d+/.exec(decoder.decode(stdout) + decoder.decode(stderr))?.[0];
}

interface Backend {
  readonly address: string;
  close(): Promise<void>;
}

const PATHS = ["first", "hidden", "second", "bystander"].map((name) => `/probe/${name}`);

/** What serves HTTP/1.1: each has methods at {@link PATHS}, which repeat the body and report the call. */
const BACKENDS = {
  async serve(onCall: (call: SeenCall) => void): Promise<Backend> {
    const server = await serve("127.0.0.1:0", (router) => {
      for (const path of PATHS) {
        router.method(path, {}, (body, context) => {
          onCall({ path, id: context.metadata.get("x-front") ?? "" });
          return body;
        });
      }
    }, { web: { allowedHosts: ["127.0.0.1"] } });
    return { address: server.addresses[0], close: () => server.close() };
  },
  async serveHttp(onCall: (call: SeenCall) => void): Promise<Backend> {
    const refuse = allowedHosts({ hostname: "127.0.0.1", port: 0, allow: ["127.0.0.1"] });
    const server = await serveHttp("127.0.0.1:0", async (request) => {
      const { method, headers, url } = request;
      const path = new URL(url).pathname;
      const refusal = refuse(request);
      if (refusal !== undefined) return refusal;
      if (method !== "POST" || !PATHS.includes(path)) return new Response(null, { status: 404 });
      onCall({ path, id: headers.get("x-front") ?? "" });
      return new Response(await request.bytes());
    });
    return { address: server.address, close: () => server.close() };
  },
};

/** Name of a server: `serve` with `web`, or the host program's `serveHttp`. */
export type BackendName = keyof typeof BACKENDS;

/** A server, and the proxy in front of it if there is one. */
export interface DoorName {
  readonly backend: BackendName;
  readonly front?: string;
}

/** All doors, in the order of the columns. */
export const DOORS: readonly DoorName[] = (["serve", "serveHttp"] as const).flatMap((backend) => [
  { backend },
  ...FRONTS.map((front) => ({ backend, front })),
]);

/** Title of the column. */
export const titleOf = ({ backend, front }: DoorName): string =>
  front === undefined ? backend : `${front}, ${backend}`;

/** Opens a server, behind a proxy if one is given. */
export async function openDoor({ backend, front }: DoorName): Promise<Door> {
  let calls: SeenCall[] = [];
  const server = await BACKENDS[backend]((call) => calls.push(call));
  const relay = new Relay(server.address);
  const log: string[] = [];
  const proxy = front === undefined ? undefined : await startProxy(
    findProgram(front)!,
    (port, backend) => ({ ...FILES[front](port, backend), onLine: (line) => log.push(line) }),
    relay.address,
  );
  const address = proxy?.address ?? relay.address;
  return {
    async run({ bytes }) {
      calls = [];
      relay.responses = 0;
      // Client ports are used again: a line of an earlier case could match.
      log.length = 0;
      const { port, text } = await exchange(address, bytes);
      const after = await exchange(address, BYSTANDER);
      const ports = [`${port} `, `${after.port} `];
      const linesOf = (start: string) => log.filter((line) => line.startsWith(start));
      // The line of the bystander follows those of the case.
      if (proxy !== undefined) await until(() => linesOf(ports[1]).length > 0);
      return {
        requests: proxy === undefined ? null : ports.flatMap(linesOf).map(parseLine),
        calls,
        responses: relay.responses,
        statuses: statusesOf(text),
        bystander: after.text.split("\r\n\r\n").slice(1).join("\r\n\r\n"),
      };
    },
    async [Symbol.asyncDispose]() {
      await proxy?.[Symbol.asyncDispose]();
      relay.close();
      await server.close();
    },
  };
}

function parseLine(line: string): SeenRequest {
  const [, id, server, status, ...request] = line.split(" ");
  return {
    id,
    passedOn: server !== "-" && !server.startsWith("<"),
    status: Number(status),
    line: request.join(" "),
  };
}

const statusesOf = (text: string): number[] =>
  Array.from(text.matchAll(/HTTP\/1\.1 ([2-5]\d\d) /g), ([, status]) => Number(status));

/** Sends octets and reads until the connection is closed or silent. Returns what came, and the port that it came to. */
async function exchange(address: string, bytes: string): Promise<{ port: number; text: string }> {
  const [hostname, port] = address.split(":");
  using connection = await Deno.connect({ hostname, port: Number(port) });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silent = Promise.withResolvers<null>();
  const listen = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silent.resolve(null), SILENCE_MS);
  };
  let text = "";
  try {
    await connection.write(octets(bytes));
    const buffer = new Uint8Array(65_536);
    for (;;) {
      listen();
      const count = await Promise.race([connection.read(buffer), silent.promise]);
      if (count === null) break;
      text += Array.from(buffer.subarray(0, count), (octet) => String.fromCharCode(octet)).join("");
    }
  } catch (error) {
    // A peer that refuses a request may reset the connection because it did not read the rest.
    if (
      !(error instanceof Deno.errors.ConnectionReset) && !(error instanceof Deno.errors.BrokenPipe)
    ) throw error;
  } finally {
    clearTimeout(timer);
  }
  return { port: connection.localAddr.transport === "tcp" ? connection.localAddr.port : 0, text };
}

/** Passes connections on to a server, and counts its responses. */
class Relay {
  responses = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #backend: string;

  constructor(backend: string) {
    this.#backend = backend;
    this.#accept();
  }

  get address(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  close(): void {
    this.#listener.close();
  }

  async #accept(): Promise<void> {
    const [hostname, port] = this.#backend.split(":");
    for await (const near of this.#listener) {
      const far = await Deno.connect({ hostname, port: Number(port) });
      const count = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform: (bytes, controller) => {
          this.responses += statusesOf(new TextDecoder().decode(bytes)).length;
          controller.enqueue(bytes);
        },
      });
      near.readable.pipeTo(far.writable).catch(() => {});
      far.readable.pipeThrough(count).pipeTo(near.writable).catch(() => {});
    }
  }
}

/** What of an outcome is request smuggling; empty if nothing is. */
export function problemsOf({ requests, calls, responses, bystander }: Outcome): string[] {
  const problems: string[] = [];
  if (bystander !== BYSTANDER_BODY) problems.push(`the bystander got ${JSON.stringify(bystander)}`);
  if (requests === null) {
    if (calls.some(({ path }) => path === "/probe/hidden")) {
      problems.push("the hidden request was served");
    }
    return problems;
  }
  const passedOn = new Map(
    requests.filter((one) => one.passedOn).map(({ id, line }) => [id, line]),
  );
  for (const { path, id } of calls) {
    if (!passedOn.get(id)?.includes(`${path} `)) {
      problems.push(`${path} with the id "${id}" was smuggled`);
    }
  }
  if (new Set(calls.map(({ id }) => id)).size < calls.length) problems.push("an id came twice");
  if (responses > passedOn.size) {
    problems.push(`${responses} responses to ${passedOn.size} requests`);
  }
  return problems;
}

/** How the table puts an outcome: the statuses, and by whom they were given if there is a proxy. */
export function cellOf({ requests, statuses }: Outcome): string {
  if (statuses.length === 0) return "waits for more";
  if (requests === null) return statuses.join(", ");
  const runs: { what: string; statuses: number[] }[] = [];
  for (const { passedOn, status, line } of requests) {
    if (line.includes("/probe/bystander ")) continue;
    const what = passedOn ? "passed on" : "refused";
    if (runs.at(-1)?.what !== what) runs.push({ what, statuses: [] });
    runs.at(-1)!.statuses.push(status);
  }
  return runs.map(({ what, statuses }) => `${what}: ${statuses.join(", ")}`).join("; ");
}

const PAGE = new URL("../../../docs/smuggling.md", import.meta.url);

/** Text of the page. */
export const smugglingPage = (): Promise<string> => Deno.readTextFile(PAGE);

/** The generated part of the page. `cells` has the columns of a case, `versions` those of the proxies. */
function tables(cells: ReadonlyMap<SmugglingCase, readonly string[]>, versions: string): string {
  const groups = Map.groupBy(SMUGGLING_CASES, ({ group }) => group);
  const sections = Array.from(groups, ([group, cases]) => {
    const rows = cases.map((one) => [one.title, one.rule, ...cells.get(one)!]);
    const lines = [
      ["case", "rule", ...DOORS.map(titleOf)],
      ["", "", ...DOORS].map(() => "---"),
      ...rows,
    ];
    return `## ${group}\n\n${lines.map((line) => `| ${line.join(" | ")} |`).join("\n")}\n`;
  });
  return `${sections.join("\n")}\n${versions}\n`;
}

if (import.meta.main) {
  const cells = new Map<SmugglingCase, string[]>(SMUGGLING_CASES.map((one) => [one, []]));
  for (const name of DOORS) {
    await using door = await openDoor(name);
    for (const one of SMUGGLING_CASES) cells.get(one)!.push(cellOf(await door.run(one)));
  }
  const versions = await Promise.all(
    FRONTS.map(async (name) => `${name} ${await versionOf(name)}`),
  );
  const [introduction] = (await smugglingPage()).split(/^## /m, 1);
  await Deno.writeTextFile(
    PAGE,
    introduction + tables(cells, `Measured with ${versions.join(" and ")}.`),
  );
}
