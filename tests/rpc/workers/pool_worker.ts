import { EchoService } from "../../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { Status } from "../../../src/call/status.ts";
import { textCodec } from "../../../src/codec/text.ts";
import { RpcError } from "../../../src/errors.ts";
import { serveWorker } from "../../../src/rpc/workers/host.ts";
import type { Router } from "../../../src/rpc/dispatch/router.ts";

/** Registers the methods that the tests of the pool run in workers. */
export function configure(router: Router, init: unknown): void {
  const text = { requestCodec: textCodec, responseCodec: textCodec };
  router.method("/echo", text, (request, context) => {
    context.responseHeaders.set("h", context.metadata.get("in") ?? "none");
    context.responseTrailers.set("t", "1");
    context.responseTrailers.set("authority", context.authority);
    return `${request} ${init}`;
  });
  router.service(EchoService, {
    echo: ({ payload }) => ({ payload: Uint8Array.of(...payload, init === "main" ? 0 : 1) }),
  });
  router.method("/fail", text, () => {
    throw new RpcError(Status.NOT_FOUND, "nothing", {
      details: [{ typeUrl: "x/y", value: new Uint8Array([1]) }],
    });
  });
  router.method("/throw", text, () => {
    throw new Error("secret");
  });
  router.method("/crash", text, () => {
    setTimeout(() => {
      throw new Error("crashed");
    });
    return new Promise(() => {});
  });
  router.method("/exit", text, () => Deno.exit(0));
  router.method("/close", text, () => {
    globalThis.close();
    return new Promise(() => {});
  });
  router.method("/count", text, (request) => {
    const cell = new Int32Array(init as SharedArrayBuffer);
    const end = performance.now() + Number(request);
    while (performance.now() < end) Atomics.add(cell, 0, 1);
    return "counted";
  });
  router.method("/spin", text, (request) => {
    const end = performance.now() + Number(request);
    while (performance.now() < end);
    return "spun";
  });
  router.method(
    "/wait",
    text,
    (_, context) =>
      new Promise((_resolve, reject) =>
        context.signal.addEventListener("abort", () => reject(context.signal.reason))
      ),
  );
}

if (typeof (globalThis as { WorkerGlobalScope?: unknown }).WorkerGlobalScope === "function") {
  serveWorker(configure);
}
