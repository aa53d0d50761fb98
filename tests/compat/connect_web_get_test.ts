/** Connect by GET, from connect-web with Deno's fetch, to a server and to a handler of the Fetch API. */

import assert from "node:assert/strict";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { type HandlerContext, type Router, RpcError, serve, type Status } from "../../mod.ts";
import type { SimpleRequest } from "../../proto/gen/grpc/testing/testing_pb.ts";
import { fetchHandler } from "../../src/rpc/fetch/mod.ts";
import { BrowserService } from "./browser/methods.ts";

function routes(router: Router): void {
  router.service(BrowserService, {
    unaryCall({ payload, responseStatus }: SimpleRequest, context: HandlerContext) {
      if (responseStatus !== undefined) {
        const { code, message } = responseStatus;
        throw new RpcError(code as Status, message, {
          details: [{ typeUrl: "type.googleapis.com/a.B", value: new Uint8Array([1]) }],
        });
      }
      context.responseHeaders.set("x-time", String(context.timeRemainingMs() <= 5_000));
      context.responseHeaders.set("x-sent", context.metadata.get("x-sent") ?? "");
      context.responseTrailers.set("x-end-bin", new Uint8Array([0, 255]));
      return { payload };
    },
    emptyCall: () => ({}),
  });
}

const OPTIONS = { printFailures: false, maxReceiveMessageBytes: 100_000 };

async function startServer() {
  const server = await serve("127.0.0.1:0", routes, { web: true, ...OPTIONS });
  const baseUrl = `http://${server.addresses[0]}`;
  return { baseUrl, fetch, [Symbol.asyncDispose]: () => server.close() };
}

async function startHandler() {
  const handler = fetchHandler(routes, OPTIONS);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  const baseUrl = `http://127.0.0.1:${server.addr.port}`;
  const close = async () => {
    await handler.close();
    await server.shutdown();
  };
  return await Promise.resolve({ baseUrl, fetch, [Symbol.asyncDispose]: close });
}

/** The handler itself in place of `fetch`: no socket between the two. */
async function startDirect() {
  const handler = fetchHandler(routes, OPTIONS);
  const direct: typeof fetch = (input, init) => handler(new Request(input, init));
  const baseUrl = "http://a.example/";
  return await Promise.resolve({
    baseUrl,
    fetch: direct,
    [Symbol.asyncDispose]: () => handler.close(),
  });
}

for (
  const [name, start] of [
    ["a server", startServer],
    ["a handler of Deno.serve", startHandler],
    ["a handler without a socket", startDirect],
  ] as const
) {
  for (const useBinaryFormat of [true, false]) {
    const format = useBinaryFormat ? "protobuf" : "JSON";
    Deno.test(`connect-web calls ${name} by GET with ${format}`, async () => {
      await using door = await start();
      const sent: Request[] = [];
      const transport = createConnectTransport({
        baseUrl: door.baseUrl,
        useBinaryFormat,
        useHttpGet: true,
        fetch: (input, init) => {
          const request = new Request(input, init);
          sent.push(request.clone());
          return door.fetch(request);
        },
      });
      const client = createClient(BrowserService, transport);
      const last = () => sent.at(-1)!;

      const body = new Uint8Array(1_000).map((_, i) => i);
      let header = new Headers();
      let trailer = new Headers();
      const reply = await client.unaryCall({ payload: { body } }, {
        headers: { "x-sent": "yes" },
        timeoutMs: 5_000,
        onHeader: (headers) => void (header = headers),
        onTrailer: (trailers) => void (trailer = trailers),
      });
      assert.deepEqual(reply.payload?.body, body);
      assert.equal(last().method, "GET");
      assert.equal(header.get("x-time"), "true");
      assert.equal(header.get("x-sent"), "yes");
      assert.equal(trailer.get("x-end-bin"), "AP8");
      assert.equal(new URL(last().url).searchParams.get("connect"), "v1");

      const empty = await client.unaryCall({});
      assert.equal(empty.payload, undefined);

      const error = await client.unaryCall({ responseStatus: { code: 5, message: "nö" } })
        .then(() => assert.fail("no error"), ConnectError.from);
      assert.equal(error.code, Code.NotFound);
      assert.equal(error.rawMessage, "nö");
      assert.equal(error.details.length, 1);
      assert.equal(last().method, "GET");

      // A method that may have side effects.
      await client.emptyCall({});
      assert.equal(last().method, "POST");
      const byGet = await door.fetch(`${last().url}?connect=v1&encoding=json&message=%7B%7D`);
      assert.equal(byGet.status, 405);
      await byGet.body?.cancel();
    });
  }
}
