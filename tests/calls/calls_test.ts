/** Runs the shared cases on every wire over every transport, and on a handler of the Fetch API behind `Deno.serve`. */

import { join } from "node:path";
import { type ChannelOptions, connect, type Router, serve, type ServeOptions } from "../../mod.ts";
import { fetchHandler } from "../../src/rpc/fetch/mod.ts";
import { addBatch } from "../../src/rpc/batch/server.ts";
import { createAuthority } from "../../src/transport/certs.ts";
import { uniqueName } from "../fixtures/names.ts";
import { webSocketStream } from "../fixtures/websocket_stream.ts";
import { addMethods, Seen } from "./methods.ts";
import { callCases, type Env } from "./suite.ts";

interface Place {
  readonly name: string;
  /** Address to listen on; may be in the temporary directory `dir`. */
  readonly address: (dir: string) => string;
  readonly options?: () => Promise<{ serve: ServeOptions; connect: ChannelOptions }>;
  /** Wires to test; default all. */
  readonly wires?: readonly string[];
  /** Reason to skip. */
  readonly skip?: string;
}

async function tls() {
  const authority = await createAuthority();
  const { cert, key } = await authority.issueServer();
  return { serve: { tls: { cert, key } }, connect: { tls: { ca: authority.cert } } };
}

async function mtls() {
  const authority = await createAuthority();
  const server = await authority.issueServer();
  const client = await authority.issueClient({ commonName: "client" });
  return {
    serve: { tls: { cert: server.cert, key: server.key, clientCa: authority.cert } },
    connect: { tls: { ca: authority.cert, cert: client.cert, key: client.key } },
  };
}

const places: Place[] = [
  { name: "memory", address: () => `memory:${uniqueName("vrpc-calls")}` },
  { name: "tcp", address: () => "127.0.0.1:0" },
  { name: "unix", address: (dir) => `unix:${join(dir, "calls.sock")}` },
  { name: "unix-abstract", address: () => `unix-abstract:${uniqueName("vrpc-calls")}` },
  { name: "tls", address: () => "127.0.0.1:0", options: tls },
  { name: "mtls", address: () => "127.0.0.1:0", options: mtls },
  { name: "tls in unix", address: (dir) => `unix:${join(dir, "calls.sock")}`, options: tls },
  {
    name: "tcp in batches",
    address: () => "127.0.0.1:0",
    options: () => Promise.resolve({ serve: {}, connect: { batch: true } }),
    wires: ["grpc"],
  },
  {
    name: "vsock",
    address: () => `vsock:local:${40_000 + Math.floor(Math.random() * 10_000)}`,
    skip: Deno.env.get("VRPC_TEST_VSOCK") === "1"
      ? undefined
      : "needs a kernel with vsock loopback: set VRPC_TEST_VSOCK=1",
    // The kernel with vsock is emulated: each wire takes over a minute there.
    wires: ["grpc", "lean"],
  },
];

interface Wire {
  readonly name: string;
  readonly connect: ChannelOptions & Pick<Env, "wire">;
  readonly serve?: ServeOptions;
  /** Names of the places it can be used in. Default: all, and handlers of Deno.serve if the server has `web`. */
  readonly places?: readonly string[];
}

const web = { serve: { web: true } };
const wires: Wire[] = [
  { name: "grpc", connect: { wire: "grpc" } },
  { name: "lean", connect: { wire: "lean" } },
  {
    name: "lean in WebSockets",
    connect: {
      wire: "lean",
      dial: (address) => webSocketStream(`ws://${address}/any/path`),
    },
    ...web,
    // The runtime's WebSocket connects by TCP.
    places: ["tcp"],
  },
  { name: "connect", connect: { wire: "connect" }, ...web },
  { name: "connect on HTTP/1.1", connect: { wire: "connect", httpVersion: "1.1" }, ...web },
  { name: "grpc-web", connect: { wire: "grpc-web" }, ...web },
  { name: "grpc-web on HTTP/1.1", connect: { wire: "grpc-web", httpVersion: "1.1" }, ...web },
];

const onTcp = places.find(({ name }) => name === "tcp")!;

for (const wire of wires) {
  for (const place of places) {
    if (place.wires !== undefined && !place.wires.includes(wire.name)) continue;
    if (wire.places !== undefined && !wire.places.includes(place.name)) continue;
    const why = place.skip === undefined ? "" : ` (${place.skip})`;
    Deno.test({
      name: `calls: ${wire.name} over ${place.name}${why}`,
      ignore: place.skip !== undefined,
      fn: (t) => runCases(t, wire, place, serveOn),
    });
  }
  if (wire.serve?.web !== true || wire.places !== undefined) continue;
  Deno.test(
    `calls: ${wire.name} to a handler of Deno.serve`,
    (t) => runCases(t, wire, onTcp, serveFetch),
  );
}

/** Starts a server; returns its address. */
type Start = (
  stack: AsyncDisposableStack,
  address: string,
  configure: (router: Router) => void,
  options: ServeOptions,
) => Promise<string>;

async function serveOn(...[stack, address, configure, options]: Parameters<Start>) {
  return stack.use(await serve(address, configure, options)).addresses[0];
}

function serveFetch(...[stack, _address, configure]: Parameters<Start>) {
  const handler = stack.use(fetchHandler(configure));
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  stack.use(server);
  return Promise.resolve(`127.0.0.1:${server.addr.port}`);
}

async function runCases(t: Deno.TestContext, wire: Wire, place: Place, start: Start) {
  const dir = await Deno.makeTempDir();
  const seen = new Seen();
  const options = await place.options?.() ?? { serve: {}, connect: {} };
  const only = Deno.env.get("VRPC_CALLS_ONLY");
  {
    await using stack = new AsyncDisposableStack();
    const configure = (router: Router) => {
      addMethods(router, seen);
      addBatch(router);
    };
    const address = await start(stack, place.address(dir), configure, {
      ...options.serve,
      ...wire.serve,
    });
    const open = (own: ChannelOptions = {}) =>
      connect(address, { ...wire.connect, ...options.connect, ...own });
    await using channel = open();
    const env = {
      wire: wire.connect.wire,
      multiplexes: wire.connect.httpVersion !== "1.1",
      joinsFields: start === serveFetch,
    };
    for (const { name, run } of callCases) {
      if (only !== undefined && !name.includes(only)) continue;
      await t.step(name, () => run({ ...env, channel, connect: open, seen }));
    }
  }
  await Deno.remove(dir, { recursive: true });
}
