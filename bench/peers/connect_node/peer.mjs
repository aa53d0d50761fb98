// The echo server and a client that makes load, by connect-node: gRPC over Node's HTTP/2, or a server of Connect.
//
//     peer.mjs server 127.0.0.1:0 [--mode MODE] [--connect h1|h2]
//                                 [--tls-cert FILE --tls-key FILE [--tls-client-ca FILE]]
//     peer.mjs client|client-nested 127.0.0.1:PORT IN_FLIGHT SECONDS
//
// The client prints one line of JSON. services.binpb, the descriptors of echo.proto and orders.proto, must be in the
// same folder.

import { readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import process from "node:process";
import { setImmediate } from "node:timers/promises";
import { parseArgs } from "node:util";
import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { connectNodeAdapter, createGrpcTransport } from "@connectrpc/connect-node";

const registry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, readFileSync(new URL("services.binpb", import.meta.url))),
);
const Echo = registry.getService("bench.Echo");
const Orders = registry.getService("bench.Orders");
const MAX_MESSAGE_BYTES = 8 << 20;

/** The order of ../../orders.ts. */
function order(i) {
  return {
    id: `order-${100_000 + i}`,
    customer: {
      id: `customer-${i}`,
      name: "Ada Lovelace",
      email: "ada@example.com",
      address: {
        street: "12 St James's Square",
        city: "London",
        postalCode: "SW1Y 4JH",
        country: "GB",
      },
    },
    items: [0, 1].map((k) => ({
      sku: `SKU-${i}-${k}`,
      title: "Analytical engine part",
      quantity: k + 1,
      price: { currency: "EUR", units: 1_250n, nanos: 990_000_000 },
      tags: ["brass", "gear"],
    })),
    labels: { channel: "web", region: "eu-west-1" },
    createdAt: { seconds: 1_764_300_000n, nanos: 5_000 },
    state: 1,
    note: "leave at the door",
    payment: { case: "card", value: "4242" },
    history: [1, 2, 300, 4],
    discount: 0.15,
    gift: true,
  };
}

const orders = (count) => ({ orders: Array.from({ length: count }, (_, i) => order(i)) });

/** Handlers of the method Unary, by the modes of ../modes.ts. */
const plain = (request) => request;
const UNARY = {
  plain,
  interceptors: plain,
  gzip: plain,
  async async(request) {
    await undefined;
    return request;
  },
  async turn(request) {
    await setImmediate();
    return request;
  },
  metadata(request, { requestHeader, responseHeader }) {
    for (const [key, value] of requestHeader) {
      if (key.startsWith("x-field-")) responseHeader.append(key, value);
    }
    return request;
  },
};

const authorized = (next) => (request) => {
  if (request.header.get("authorization") === "Bearer benchmark") return next(request);
  throw new ConnectError("the token is missing", Code.Unauthenticated);
};

/** Largest time of a handler so far, in ms. */
let slowestMs = 0;
const timed = (next) => async (request) => {
  const startMs = performance.now();
  try {
    return await next(request);
  } finally {
    slowestMs = Math.max(slowestMs, performance.now() - startMs);
  }
};

function serve(address, mode, connect, { cert, key, ca }) {
  const routes = (router) => {
    router.service(Echo, {
      unary: UNARY[mode],
      async *bidi(requests) {
        yield* requests;
      },
      async *chunks({ count, size }) {
        const payload = new Uint8Array(size);
        for (let i = 0; i < count; i++) yield { payload };
      },
    });
    router.service(Orders, { echo: (list) => list, list: ({ count }) => orders(count) });
  };
  const handler = connectNodeAdapter({
    routes,
    interceptors: mode === "interceptors" ? [authorized, timed] : [],
    // Compression is on by default.
    ...(mode === "gzip" ? {} : { acceptCompression: [] }),
    readMaxBytes: MAX_MESSAGE_BYTES,
    writeMaxBytes: MAX_MESSAGE_BYTES,
    connect: connect !== undefined,
    grpc: connect === undefined,
    grpcWeb: false,
  });
  const server = listener(handler, connect, { cert, key, ca });
  const [host, port] = address.split(":");
  server.listen(Number(port), host, () => {
    console.log(`listening 127.0.0.1:${server.address().port}`);
  });
}

function listener(handler, connect, { cert, key, ca }) {
  if (connect === "h1") return http.createServer(handler);
  if (cert === undefined) return http2.createServer(handler);
  return http2.createSecureServer({
    cert: readFileSync(cert),
    key: readFileSync(key),
    ...(ca === undefined ? {} : { ca: readFileSync(ca), requestCert: true }),
  }, handler);
}

async function load(address, nested, inFlight, seconds) {
  const transport = createGrpcTransport({ baseUrl: `http://${address}` });
  const echo = createClient(Echo, transport);
  const service = createClient(Orders, transport);
  const list = create(Orders.method.echo.input, orders(10));
  const message = create(Echo.method.unary.input, { payload: new Uint8Array(64) });
  const call = nested ? () => service.echo(list) : () => echo.unary(message);
  await call();
  let calls = 0;
  async function run(seconds) {
    const endMs = performance.now() + seconds * 1000;
    calls = 0;
    const worker = async () => {
      for (; performance.now() < endMs; calls++) await call();
    };
    await Promise.all(Array.from({ length: inFlight }, worker));
  }
  // The first second isn't measured.
  await run(1);
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  await run(seconds);
  const used = process.cpuUsage(cpu);
  console.log(JSON.stringify({
    calls,
    seconds: (performance.now() - startMs) / 1000,
    cpuSeconds: (used.user + used.system) / 1e6,
  }));
  process.exit(0);
}

const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    mode: { type: "string", default: "plain" },
    connect: { type: "string" },
    "tls-cert": { type: "string" },
    "tls-key": { type: "string" },
    "tls-client-ca": { type: "string" },
  },
});
const [what, address, inFlight, seconds] = positionals;
if (what === "server") {
  const { mode, connect, "tls-cert": cert, "tls-key": key, "tls-client-ca": ca } = values;
  serve(address, mode, connect, { cert, key, ca });
} else await load(address, what === "client-nested", Number(inFlight), Number(seconds));
