/** Odd requests of the Connect protocol, sent to a server of connect-node, to ours, and to our handler of Deno.serve. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { isDeepStrictEqual } from "node:util";
import { type Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { type Router, RpcError, serve, type Status } from "../../mod.ts";
import { fetchHandler } from "../../src/rpc/fetch/mod.ts";
import type {
  SimpleRequest,
  StreamingOutputCallRequest,
} from "../../proto/gen/grpc/testing/testing_pb.ts";
import { BrowserService } from "./browser/methods.ts";
import { DIFFERENCES, type OddRequest, REQUESTS } from "./connect_node_requests.ts";

/** What a response says; texts of errors are left out, as they are each server's own. */
interface Answer {
  readonly status: number;
  readonly type: string;
  readonly encoding: string;
  readonly body: unknown;
}

/** A whole response: its header fields but for those of the connection, and its bytes. */
interface Whole {
  readonly headers: http.IncomingHttpHeaders;
  readonly bytes: string;
}

function send(origin: string, { method = "POST", path, headers = {}, body }: OddRequest) {
  return new Promise<[Answer, Whole]>((resolve, reject) => {
    const request = http.request(origin + path, { method, headers, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => {
        const bytes = Buffer.concat(parts);
        const type = response.headers["content-type"] ?? "";
        const answer = {
          status: response.statusCode!,
          type,
          encoding: response.headers["content-encoding"] ?? "",
          body: bodyOf(bytes, type),
        };
        resolve([answer, {
          headers: ownFields(response.headers),
          bytes: bytes.toString("latin1"),
        }]);
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

function ownFields(headers: http.IncomingHttpHeaders): http.IncomingHttpHeaders {
  const own = { ...headers };
  for (const name of OF_THE_CONNECTION) delete own[name];
  return own;
}

const OF_THE_CONNECTION = [
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "transfer-encoding",
];

function bodyOf(bytes: Buffer, type: string): unknown {
  if (type.startsWith("application/connect+")) return envelopes(bytes);
  if (type.startsWith("application/json")) return withoutText(JSON.parse(bytes.toString()));
  return type.startsWith("application/") ? bytes.toString("base64") : "";
}

/** Returns flags and contents of the messages in a stream. */
function envelopes(bytes: Buffer): unknown[] {
  const all = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    const message = bytes.subarray(at + 5, end);
    const last = (bytes[at] & 2) !== 0;
    all.push([
      bytes[at],
      last ? withoutText(JSON.parse(message.toString())) : message.toString("base64"),
    ]);
    at = end;
  }
  return all;
}

function withoutText(json: Record<string, unknown>): unknown {
  const { message: _, ...rest } = json;
  if (typeof rest.error !== "object") return rest;
  return { ...rest, error: withoutText(rest.error as Record<string, unknown>) };
}

/** Whether both answers say the same. To what is no call, connect-node answers with a bare status. */
function areSame(theirs: Answer, ours: Answer): boolean {
  if (theirs.type === "") return theirs.status === ours.status;
  return isDeepStrictEqual(theirs, ours);
}

const services = (make: (code: number) => Error) => {
  const fail = (code = 0) => {
    if (code !== 0) throw make(code);
  };
  return {
    unaryCall({ payload, responseStatus }: SimpleRequest) {
      fail(responseStatus?.code);
      return { payload };
    },
    async *streamingOutputCall(
      { payload, responseParameters, responseStatus }: StreamingOutputCallRequest,
    ) {
      for (const _ of responseParameters) yield { payload };
      fail(responseStatus?.code);
    },
  };
};

const LIMIT_BYTES = 100_000;

async function startTheirs() {
  const handlers = services((code) => new ConnectError("no", code as Code));
  const server = http.createServer(connectNodeAdapter({
    routes: (router) => void router.service(BrowserService, handlers),
    readMaxBytes: LIMIT_BYTES,
  }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const routes = (router: Router) =>
  void router.service(BrowserService, services((code) => new RpcError(code as Status, "no")));

async function startOurs() {
  const server = await serve("127.0.0.1:0", routes, {
    web: true,
    maxReceiveMessageBytes: LIMIT_BYTES,
  });
  return {
    origin: `http://${server.addresses[0]}`,
    [Symbol.asyncDispose]: () => server.close(),
  };
}

function startHandler() {
  const handler = fetchHandler(routes, { maxReceiveMessageBytes: LIMIT_BYTES });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    async [Symbol.asyncDispose]() {
      await handler.close();
      await server.shutdown();
    },
  };
}

/** Returns the answers to the requests that two servers answer differently. */
async function differing(
  origins: readonly [string, string],
  same: (first: [Answer, Whole], second: [Answer, Whole]) => boolean,
): Promise<Record<string, unknown>> {
  const differing: Record<string, unknown> = {};
  for (const one of REQUESTS) {
    const [first, second] = await Promise.all(origins.map((origin) => send(origin, one)));
    if (!same(first, second)) differing[one.name] = [first, second];
  }
  return differing;
}

Deno.test("connect-node and vrpc answer odd requests the same, apart from known differences", async () => {
  await using theirs = await startTheirs();
  await using ours = await startOurs();
  const found = await differing(
    [theirs.origin, ours.origin],
    ([first], [second]) => areSame(first, second),
  );
  assert.ok(REQUESTS.length >= 150);
  assert.deepEqual(Object.keys(found).sort(), Object.keys(DIFFERENCES).sort(), shown(found));
});

Deno.test("a handler of Deno.serve answers odd requests as the server does", async () => {
  await using ours = await startOurs();
  await using handler = startHandler();
  const found = await differing([ours.origin, handler.origin], isDeepStrictEqual);
  assert.deepEqual(found, {});
});

function shown(found: Record<string, unknown>): string {
  return JSON.stringify(found, null, 1);
}
