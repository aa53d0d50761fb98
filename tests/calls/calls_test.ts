/** Runs the shared cases on every wire over every transport. */

import { join } from "node:path";
import { type ChannelOptions, connect, serve, type ServeOptions } from "../../mod.ts";
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
  },
];

interface Wire {
  readonly name: string;
  readonly connect: ChannelOptions & Pick<Env, "wire">;
  readonly serve?: ServeOptions;
  /** Places to test on; default all. */
  readonly places?: readonly string[];
}

const web = { serve: { web: true }, places: ["tcp"] };
const wires: Wire[] = [
  { name: "grpc", connect: { wire: "grpc" } },
  { name: "lean", connect: { wire: "lean" } },
  {
    name: "lean in WebSockets",
    connect: {
      wire: "lean",
      dial: (address) => webSocketStream(`ws://${address}/any/path`),
    },
    ...{ serve: { web: true }, places: ["tcp"] },
  },
  { name: "connect", connect: { wire: "connect" }, ...web },
  { name: "connect on HTTP/1.1", connect: { wire: "connect", httpVersion: "1.1" }, ...web },
  { name: "grpc-web", connect: { wire: "grpc-web" }, ...web },
  { name: "grpc-web on HTTP/1.1", connect: { wire: "grpc-web", httpVersion: "1.1" }, ...web },
];

for (const wire of wires) {
  for (const place of places) {
    if (place.wires !== undefined && !place.wires.includes(wire.name)) continue;
    if (wire.places !== undefined && !wire.places.includes(place.name)) continue;
    const why = place.skip === undefined ? "" : ` (${place.skip})`;
    Deno.test({
      name: `calls: ${wire.name} over ${place.name}${why}`,
      ignore: place.skip !== undefined,
      fn: (t) => runCases(t, wire, place),
    });
  }
}

async function runCases(t: Deno.TestContext, wire: Wire, place: Place) {
  const dir = await Deno.makeTempDir();
  const seen = new Seen();
  const options = await place.options?.() ?? { serve: {}, connect: {} };
  const only = Deno.env.get("VRPC_CALLS_ONLY");
  {
    await using server = await serve(
      place.address(dir),
      (router) => {
        addMethods(router, seen);
        addBatch(router);
      },
      { ...options.serve, ...wire.serve },
    );
    const open = (own: ChannelOptions = {}) =>
      connect(server.addresses[0], { ...wire.connect, ...options.connect, ...own });
    await using channel = open();
    const env = {
      wire: wire.connect.wire,
      multiplexes: wire.connect.httpVersion !== "1.1",
    };
    for (const { name, run } of callCases) {
      if (only !== undefined && !name.includes(only)) continue;
      await t.step(name, () => run({ ...env, channel, connect: open, seen }));
    }
  }
  await Deno.remove(dir, { recursive: true });
}
