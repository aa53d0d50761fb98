/**
 * Echo server of this project for the comparison.
 *
 *     bench/peers/server.ts --addr 127.0.0.1:0 [--workers 1] [--mode plain] [--connect h1|h2]
 *                           [--tls-cert FILE --tls-key FILE [--tls-client-ca FILE]]
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type HandlerContext, type Interceptor, RpcError, serve, Status } from "../../mod.ts";
import type { Msg } from "../../proto/gen/bench/echo_pb.ts";
import { Echo } from "../../proto/gen/bench/echo_pb.ts";
import { Orders } from "../../proto/gen/bench/orders_pb.ts";
import { orders } from "../orders.ts";
import { FIELD_PREFIX, type Mode, TOKEN } from "./modes.ts";

/** Certificate and key in PEM, and the authority of clients. */
interface ServerIdentity {
  readonly cert: string;
  readonly key: string;
  readonly clientCa?: string;
}

const authorized: Interceptor = (next) => (call) => {
  if (call.metadata.get("authorization") === TOKEN) return next(call);
  throw new RpcError(Status.UNAUTHENTICATED, "the token is missing");
};

/** Largest time of a handler so far, in ms. */
let slowestMs = 0;
const timed: Interceptor = (next) => async (call) => {
  const startMs = performance.now();
  try {
    return await next(call);
  } finally {
    slowestMs = Math.max(slowestMs, performance.now() - startMs);
  }
};

/** Handlers of the method Unary, by mode. */
const UNARY: Record<Mode, (request: Msg, context: HandlerContext) => Msg | Promise<Msg>> = {
  plain: (request) => request,
  interceptors: (request) => request,
  gzip: (request) => request,
  async async(request) {
    await undefined;
    return request;
  },
  async turn(request) {
    await setImmediate();
    return request;
  },
  metadata(request, { metadata, responseHeaders }) {
    for (const [key, value] of metadata) {
      if (key.startsWith(FIELD_PREFIX)) responseHeaders.append(key, value);
    }
    return request;
  },
};

/** Starts the server in one thread; resolves to its address. */
async function start(
  address: string,
  mode: Mode,
  options: { reusePort: boolean; web?: boolean; tls?: ServerIdentity },
): Promise<string> {
  const server = await serve(address, (router) => {
    router.service(Echo, {
      unary: UNARY[mode],
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
  }, {
    ...options,
    maxReceiveMessageBytes: 8 * 1024 * 1024,
    compress: mode === "gzip",
    interceptors: mode === "interceptors" ? [authorized, timed] : [],
  });
  return server.addresses[0];
}

/** Starts another thread of this module, on the port of the first one. */
function startThread(address: string): Promise<string> {
  const worker = new Worker(import.meta.url, { type: "module", name: `echo ${address}` });
  return new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
}

const thread = /^echo (\S+)$/.exec((globalThis as { name?: string }).name ?? "");
if (thread) {
  (globalThis as unknown as Worker).postMessage(
    await start(thread[1], "plain", { reusePort: true }),
  );
} else {
  const { values } = parseArgs({
    options: {
      addr: { type: "string", default: "127.0.0.1:50051" },
      workers: { type: "string", default: "1" },
      mode: { type: "string", default: "plain" },
      connect: { type: "string" },
      "tls-cert": { type: "string" },
      "tls-key": { type: "string" },
      "tls-client-ca": { type: "string" },
    },
  });
  const workers = Number(values.workers);
  const { "tls-cert": cert, "tls-key": key, "tls-client-ca": clientCa } = values;
  const tls = cert === undefined || key === undefined ? undefined : {
    cert: await Deno.readTextFile(cert),
    key: await Deno.readTextFile(key),
    clientCa: clientCa === undefined ? undefined : await Deno.readTextFile(clientCa),
  };
  const address = await start(values.addr, values.mode as Mode, {
    reusePort: workers > 1,
    web: values.connect !== undefined,
    tls,
  });
  await Promise.all(Array.from({ length: workers - 1 }, () => startThread(address)));
  console.log(`listening ${address}`);
}
