// The echo server and a client that makes load, by grpc-js, on Node and on Deno alike.
//
//     peer.mjs server 127.0.0.1:0 [--mode MODE] [--tls-cert FILE --tls-key FILE [--tls-client-ca FILE]]
//     peer.mjs client|client-nested 127.0.0.1:PORT IN_FLIGHT SECONDS
//
// The client prints one line of JSON. echo.proto and orders.proto must be in the same folder.

import { readFileSync } from "node:fs";
import process from "node:process";
import { setImmediate } from "node:timers/promises";
import { parseArgs } from "node:util";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const files = ["echo.proto", "orders.proto"].map((name) => new URL(name, import.meta.url).pathname);
const { Echo, Orders } = grpc.loadPackageDefinition(loader.loadSync(files)).bench;
const limits = { "grpc.max_receive_message_length": 8 << 20 };

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
      price: { currency: "EUR", units: 1_250, nanos: 990_000_000 },
      tags: ["brass", "gear"],
    })),
    labels: { channel: "web", region: "eu-west-1" },
    createdAt: { seconds: 1_764_300_000, nanos: 5_000 },
    state: 1,
    note: "leave at the door",
    card: "4242",
    history: [1, 2, 300, 4],
    discount: 0.15,
    gift: true,
  };
}

/** Handlers of the method Unary, by the modes of ../modes.ts. grpc-js doesn't compress replies. */
const plain = (call, reply) => reply(null, call.request);
const UNARY = {
  plain,
  interceptors: plain,
  gzip: plain,
  async async(call, reply) {
    await undefined;
    reply(null, call.request);
  },
  async turn(call, reply) {
    await setImmediate();
    reply(null, call.request);
  },
  metadata(call, reply) {
    const fields = new grpc.Metadata();
    for (const [key, value] of Object.entries(call.metadata.getMap())) {
      if (key.startsWith("x-field-")) fields.set(key, value);
    }
    call.sendMetadata(fields);
    reply(null, call.request);
  },
};

function authorized(_method, call) {
  return new grpc.ServerInterceptingCall(call, {
    start(next) {
      next({
        onReceiveMetadata(metadata, pass) {
          if (metadata.get("authorization")[0] === "Bearer benchmark") return pass(metadata);
          call.sendStatus({ code: grpc.status.UNAUTHENTICATED, details: "the token is missing" });
        },
      });
    },
  });
}

/** Largest time of a handler so far, in ms. */
let slowestMs = 0;
function timed(_method, call) {
  const startMs = performance.now();
  return new grpc.ServerInterceptingCall(call, {
    sendStatus(status, next) {
      slowestMs = Math.max(slowestMs, performance.now() - startMs);
      next(status);
    },
  });
}

function serve(address, mode, { cert, key, ca }) {
  const interceptors = mode === "interceptors" ? [authorized, timed] : [];
  const server = new grpc.Server({ ...limits, interceptors });
  server.addService(Echo.service, {
    Unary: UNARY[mode],
    Bidi(call) {
      call.on("data", (message) => {
        if (!call.write(message)) {
          call.pause();
          call.once("drain", () => call.resume());
        }
      });
      call.on("end", () => call.end());
    },
    async Chunks(call) {
      const message = { payload: Buffer.alloc(call.request.size) };
      for (let i = 0; i < call.request.count && !call.cancelled; i++) {
        if (!call.write(message)) await new Promise((resolve) => call.once("drain", resolve));
      }
      call.end();
    },
  });
  server.addService(Orders.service, {
    Echo: (call, reply) => reply(null, call.request),
    List: (call, reply) =>
      reply(null, { orders: Array.from({ length: call.request.count }, (_, i) => order(i)) }),
  });
  const credentials = cert === undefined
    ? grpc.ServerCredentials.createInsecure()
    : grpc.ServerCredentials.createSsl(ca === undefined ? null : readFileSync(ca), [
      { cert_chain: readFileSync(cert), private_key: readFileSync(key) },
    ], ca !== undefined);
  server.bindAsync(address, credentials, (error, port) => {
    if (error) throw error;
    console.log(`listening 127.0.0.1:${port}`);
  });
}

async function load(address, nested, inFlight, seconds) {
  const Client = nested ? Orders : Echo;
  const client = new Client(address, grpc.credentials.createInsecure(), limits);
  const message = nested
    ? { orders: Array.from({ length: 10 }, (_, i) => order(i)) }
    : { payload: Buffer.alloc(64) };
  const call = () =>
    new Promise((resolve, reject) =>
      client[nested ? "Echo" : "Unary"](
        message,
        (error, reply) => error ? reject(error) : resolve(reply),
      )
    );
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
  client.close();
}

const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    mode: { type: "string", default: "plain" },
    "tls-cert": { type: "string" },
    "tls-key": { type: "string" },
    "tls-client-ca": { type: "string" },
  },
});
const [what, address, inFlight, seconds] = positionals;
if (what === "server") {
  const { mode, "tls-cert": cert, "tls-key": key, "tls-client-ca": ca } = values;
  serve(address, mode, { cert, key, ca });
} else await load(address, what === "client-nested", Number(inFlight), Number(seconds));
