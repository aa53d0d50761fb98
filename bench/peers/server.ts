/**
 * Echo server of this project for the comparison.
 *
 *     bench/peers/server.ts --addr 127.0.0.1:0 [--workers 1] [--tls-cert FILE --tls-key FILE]
 *
 * @module
 */

import { parseArgs } from "node:util";
import { serve } from "../../mod.ts";
import { Echo } from "../../proto/gen/bench/echo_pb.ts";
import { Orders } from "../../proto/gen/bench/orders_pb.ts";
import { orders } from "../orders.ts";

/** Certificate and key in PEM. */
interface ServerIdentity {
  readonly cert: string;
  readonly key: string;
}

/** Starts the server in one thread; resolves to its address. */
async function start(address: string, reusePort: boolean, tls?: ServerIdentity): Promise<string> {
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
    router.service(Orders, {
      echo: (list) => list,
      list: ({ count }) => orders(count),
    });
  }, { reusePort, tls, maxReceiveMessageBytes: 8 * 1024 * 1024 });
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
      "tls-cert": { type: "string" },
      "tls-key": { type: "string" },
    },
  });
  const workers = Number(values.workers);
  const { "tls-cert": cert, "tls-key": key } = values;
  const tls = cert === undefined || key === undefined
    ? undefined
    : { cert: await Deno.readTextFile(cert), key: await Deno.readTextFile(key) };
  const address = await start(values.addr, workers > 1, tls);
  await Promise.all(Array.from({ length: workers - 1 }, () => startThread(address)));
  console.log(`listening ${address}`);
}
