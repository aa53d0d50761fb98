/** Odd requests of the Connect protocol, sent to a server of connect-node and to ours. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { isDeepStrictEqual } from "node:util";
import { type Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { RpcError, serve, type Status } from "../../mod.ts";
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

function send(origin: string, { method = "POST", path, headers = {}, body }: OddRequest) {
  return new Promise<Answer>((resolve, reject) => {
    const request = http.request(origin + path, { method, headers, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => {
        const bytes = Buffer.concat(parts);
        const type = response.headers["content-type"] ?? "";
        resolve({
          status: response.statusCode!,
          type,
          encoding: response.headers["content-encoding"] ?? "",
          body: bodyOf(bytes, type),
        });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

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

Deno.test("connect-node and vrpc answer odd requests the same, apart from known differences", async () => {
  await using theirs = await startTheirs();
  const handlers = services((code) => new RpcError(code as Status, "no"));
  await using ours = await serve(
    "127.0.0.1:0",
    (router) => void router.service(BrowserService, handlers),
    { web: true, maxReceiveMessageBytes: LIMIT_BYTES },
  );
  const origins = [theirs.origin, `http://${ours.addresses[0]}`];
  const differing: Record<string, Answer[]> = {};
  for (const one of REQUESTS) {
    const [first, second] = await Promise.all(origins.map((origin) => send(origin, one)));
    if (!areSame(first, second)) differing[one.name] = [first, second];
  }
  assert.ok(REQUESTS.length >= 150);
  const expected = Object.keys(DIFFERENCES).sort();
  assert.deepEqual(Object.keys(differing).sort(), expected, JSON.stringify(differing, null, 1));
});
