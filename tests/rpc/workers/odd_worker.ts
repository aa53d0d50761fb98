import { textCodec } from "../../../src/codec/text.ts";
import { serveWorker } from "../../../src/rpc/workers/host.ts";

const POSTED: Record<string, unknown> = {
  null: null,
  undefined: undefined,
  text: "ready",
  number: 5,
  empty: {},
  kind: { kind: "odd" },
  failed: { kind: "failed", reason: null },
  reply: { kind: "reply", id: 1, code: 0 },
};

// Posts what its `init` names before and during each call.
serveWorker((router, init) => {
  const post = () => (globalThis as unknown as Worker).postMessage(POSTED[String(init)]);
  post();
  router.method("/echo", { requestCodec: textCodec, responseCodec: textCodec }, (request) => {
    post();
    return request;
  });
});
