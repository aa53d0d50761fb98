/**
 * Worker pool: methods that compute for long run in other threads, and all other calls go on meanwhile.
 *
 *     deno run -A examples/worker_pool/main.ts
 *
 * The methods are registered twice by the function in methods.ts: by the server here, and by each worker (worker.ts).
 *
 * @module
 */

import { connect, serve } from "@vrpc/vrpc";
import { WorkerPool } from "@vrpc/vrpc/workers";
import { addMethods } from "./methods.ts";

const shared = new SharedArrayBuffer(4);
const pool = new WorkerPool({
  create: () => new Worker(new URL("./worker.ts", import.meta.url), { type: "module" }),
  methods: ["/primes", "/block"], // the others run in the server's thread
  workers: 2,
  init: shared, // is passed to the function of `serveWorker`
});
await using server = await serve("127.0.0.1:0", (router) => {
  addMethods(router, new Int32Array(shared));
}, { dispatcher: pool.dispatcher }); // closing the server closes the pool
await using channel = connect(server.addresses[0], { timeoutMs: 30_000 });

async function call(path: string, text = ""): Promise<string> {
  const reply = await channel.call(path, new TextEncoder().encode(text));
  return new TextDecoder().decode(reply);
}

const counts = await Promise.all([call("/primes", "1000"), call("/primes", "100000")]);
console.log(`primes: ${counts.join(", ")}`);

// In the server's thread /block would stop everything, /release included.
const blocked = call("/block");
console.log(`/release: ${await call("/release")}`);
console.log(`/block: ${await blocked}`);

const { workers, answered } = pool.stats();
console.log(`${answered} calls by ${workers} workers`);
