/**
 * Echo server of this project for the comparison.
 *
 *     bench/peers/server.ts --addr 127.0.0.1:0 [--workers 1]
 *
 * @module
 */

import { parseArgs } from "node:util";
import { serve } from "../../mod.ts";
import { Echo } from "../../proto/gen/bench/echo_pb.ts";

/** Starts the server in one thread; resolves to its address. */
async function start(address: string, reusePort: boolean): Promise<string> {
  const server = await serve(address, (router) => {
    router.service(Echo, {
      unary: (request) => request,
      async *bidi(requests) {
        yield* requests;
      },
      *chunks({ count, size }) {
        const payload = new Uint8Array(size);
        for (let i = 0; i < count; i++) yield { payload };
      },
    });
  }, { reusePort, maxReceiveMessageBytes: 8 * 1024 * 1024 });
  return server.addresses[0];
}

/** Starts another thread of this module, on the port of the first one. */
function startThread(address: string): Promise<string> {
  const worker = new Worker(import.meta.url, { type: "module", name: `echo ${address}` });
  return new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
}

const thread = /^echo (\S+)$/.exec((globalThis as { name?: string }).name ?? "");
if (thread) {
  (globalThis as unknown as Worker).postMessage(await start(thread[1], true));
} else {
  const { values } = parseArgs({
    options: {
      addr: { type: "string", default: "127.0.0.1:50051" },
      workers: { type: "string", default: "1" },
    },
  });
  const workers = Number(values.workers);
  const address = await start(values.addr, workers > 1);
  await Promise.all(Array.from({ length: workers - 1 }, () => startThread(address)));
  console.log(`listening ${address}`);
}
