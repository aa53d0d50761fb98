// The echo server and a client that makes load, by grpc-js, on Node and on Deno alike.
//
//     peer.mjs server 127.0.0.1:0 [--tls-cert FILE --tls-key FILE]
//     peer.mjs client 127.0.0.1:PORT IN_FLIGHT SECONDS
//
// The client prints one line of JSON. echo.proto and orders.proto must be in the same folder.

import { readFileSync } from "node:fs";
import process from "node:process";
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

function serve(address, cert, key) {
  const server = new grpc.Server(limits);
  server.addService(Echo.service, {
    Unary: (call, reply) => reply(null, call.request),
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
    : grpc.ServerCredentials.createSsl(null, [
      { cert_chain: readFileSync(cert), private_key: readFileSync(key) },
    ]);
  server.bindAsync(address, credentials, (error, port) => {
    if (error) throw error;
    console.log(`listening 127.0.0.1:${port}`);
  });
}

async function load(address, inFlight, seconds) {
  const client = new Echo(address, grpc.credentials.createInsecure(), limits);
  const message = { payload: Buffer.alloc(64) };
  const call = () =>
    new Promise((resolve, reject) =>
      client.Unary(message, (error, reply) => error ? reject(error) : resolve(reply))
    );
  await call();
  let calls = 0;
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  async function worker() {
    while (performance.now() < endMs) {
      await call();
      calls++;
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker));
  const used = process.cpuUsage(cpu);
  console.log(JSON.stringify({
    calls,
    seconds: (performance.now() - startMs) / 1000,
    cpuSeconds: (used.user + used.system) / 1e6,
  }));
  client.close();
}

const [what, address, inFlight, seconds, , keyFile] = process.argv.slice(2);
// As a server: --tls-cert FILE --tls-key FILE after the address.
if (what === "server") serve(address, seconds, keyFile);
else await load(address, Number(inFlight), Number(seconds));
