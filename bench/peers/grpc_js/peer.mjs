// The echo server and a client that makes load, by grpc-js, on Node and on Deno alike.
//
//     peer.mjs server 127.0.0.1:0
//     peer.mjs client 127.0.0.1:PORT IN_FLIGHT SECONDS
//
// The client prints one line of JSON. echo.proto must be in the same folder.

import process from "node:process";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const file = new URL("echo.proto", import.meta.url).pathname;
const { Echo } = grpc.loadPackageDefinition(loader.loadSync(file)).bench;
const limits = { "grpc.max_receive_message_length": 8 << 20 };

function serve(address) {
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
  server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error, port) => {
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

const [what, address, inFlight, seconds] = process.argv.slice(2);
if (what === "server") serve(address);
else await load(address, Number(inFlight), Number(seconds));
