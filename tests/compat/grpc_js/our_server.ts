/**
 * The service `test.Kinds` of peer.mjs, served by vrpc. Prints `listening ADDRESS`.
 *
 * @module
 */

import { Metadata, RpcError, serve, Status } from "../../../mod.ts";

let cancelled = 0;

const server = await serve("127.0.0.1:0", (router) => {
  router.method("test.Kinds/Unary", {}, (request) => request);

  router.method("test.Kinds/Collect", { kind: "client_streaming" }, async (requests) => {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for await (const part of requests) parts.push(part as Uint8Array<ArrayBuffer>);
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  });

  router.method("test.Kinds/Split", { kind: "server_streaming" }, function* (request) {
    for (const byte of request) yield new Uint8Array([byte]);
  });

  router.method("test.Kinds/Echo", { kind: "bidi_streaming" }, async function* (requests) {
    yield* requests;
  });

  router.method("test.Kinds/Metadata", {}, (request, context) => {
    for (const [key, value] of context.metadata) {
      if (!key.startsWith("x-")) continue;
      context.responseHeaders.append(key, value);
      context.responseTrailers.append(`t${key}`, value);
    }
    return request;
  });

  router.method("test.Kinds/Fail", {}, (request) => {
    const text = new TextDecoder().decode(request.subarray(1));
    const metadata = new Metadata({ "x-why": "because", "x-why-bin": new Uint8Array([0, 255]) });
    throw new RpcError(request[0] as Status, text, { metadata });
  });

  router.method("test.Kinds/Break", { kind: "server_streaming" }, function* (request) {
    yield request;
    throw new RpcError(Status.DATA_LOSS, "broken");
  });

  router.method(
    "test.Kinds/Sleep",
    {},
    (_request, context) =>
      new Promise<Uint8Array>((_resolve, reject) => {
        context.signal.addEventListener("abort", () => {
          cancelled++;
          reject(context.signal.reason);
        });
      }),
  );

  router.method("test.Kinds/Count", {}, () => new TextEncoder().encode(String(cancelled)));
}, { compress: true });

console.log(`listening ${server.addresses[0]}`);
