/**
 * Server under test of the Connect conformance suite: reads its settings from standard input, listens on a free
 * port, writes the address to standard output, and serves until it is terminated.
 *
 * Run by `deno task conformance`.
 *
 * @module
 */

import { type HandlerContext, serve, type Server } from "../../../mod.ts";
import type { TlsServerOptions } from "../../../src/transport/mod.ts";
import { fromMetadata, toMetadata, toRpcError } from "./convert.ts";
import { readFrames, writeFrame } from "./frames.ts";
import {
  ConformanceService,
  decode,
  encode,
  type Init,
  messageOf,
  pack,
  type Packed,
  type Payload,
  type ServerCompatRequest,
  type ServerCompatResponse,
  type StreamDefinition,
  type StreamRequest,
  type UnaryDefinition,
  type UnaryRequest,
} from "./schema.ts";
import { toBinary } from "@bufbuild/protobuf";
import { sleep } from "../../fixtures/waiting.ts";

type Response = { payload?: Init<Payload> };

/** Builds the echo of the request. */
function requestInfo(ctx: HandlerContext, requests: Packed[]) {
  const left = ctx.timeRemainingMs();
  return {
    requestHeaders: fromMetadata(ctx.metadata),
    timeoutMs: Number.isFinite(left) ? BigInt(Math.trunc(left)) : undefined,
    requests,
  };
}

function anyOf(name: string, message: unknown): Packed {
  return {
    typeUrl: `type.googleapis.com/connectrpc.conformance.v1.${name}`,
    value: toBinary(messageOf(name), message as never),
  };
}

/** Sets headers and trailers, sends the headers, and waits for the requested delay. */
function begin(ctx: HandlerContext, definition: UnaryDefinition | StreamDefinition | undefined) {
  if (!definition) return;
  toMetadata(definition.responseHeaders, ctx.responseHeaders);
  toMetadata(definition.responseTrailers, ctx.responseTrailers);
  ctx.sendHeaders();
}

async function answerOnce(
  ctx: HandlerContext,
  definition: UnaryDefinition | undefined,
  requests: Packed[],
): Promise<Response> {
  begin(ctx, definition);
  if (definition?.responseDelayMs) await sleep(definition.responseDelayMs);
  const info = requestInfo(ctx, requests);
  if (definition?.response.case === "error") {
    throw toRpcError(
      definition.response.value,
      pack("ConformancePayload.RequestInfo", info),
    );
  }
  return { payload: { data: definition?.response.value, requestInfo: info } };
}

async function unary(name: string, request: unknown, ctx: HandlerContext): Promise<Response> {
  const { responseDefinition } = request as UnaryRequest;
  return await answerOnce(ctx, responseDefinition, [anyOf(name, request)]);
}

async function clientStream(
  requests: AsyncIterable<unknown>,
  ctx: HandlerContext,
): Promise<Response> {
  let definition: UnaryDefinition | undefined;
  const seen: Packed[] = [];
  for await (const request of requests) {
    if (seen.length === 0) definition = (request as UnaryRequest).responseDefinition;
    seen.push(anyOf("ClientStreamRequest", request));
  }
  return await answerOnce(ctx, definition, seen);
}

async function* serverStream(request: unknown, ctx: HandlerContext): AsyncGenerator<Response> {
  const { responseDefinition } = request as StreamRequest;
  begin(ctx, responseDefinition);
  yield* remaining(ctx, responseDefinition, 0, [anyOf("ServerStreamRequest", request)]);
}

/** Yields the responses from number `sent` on, then throws the error, if any. */
async function* remaining(
  ctx: HandlerContext,
  definition: StreamDefinition | undefined,
  sent: number,
  requests: Packed[],
): AsyncGenerator<Response> {
  if (!definition) return;
  for (; sent < definition.responseData.length; sent++) {
    const info = sent === 0 ? requestInfo(ctx, requests) : undefined;
    if (definition.responseDelayMs) await sleep(definition.responseDelayMs);
    yield { payload: { data: definition.responseData[sent], requestInfo: info } };
  }
  if (definition.error) {
    const details = sent === 0
      ? [pack("ConformancePayload.RequestInfo", requestInfo(ctx, requests))]
      : [];
    throw toRpcError(definition.error, ...details);
  }
}

async function* bidiStream(
  requests: AsyncIterable<unknown>,
  ctx: HandlerContext,
): AsyncGenerator<Response> {
  let first: StreamRequest | undefined;
  let sent = 0;
  let seen: Packed[] = [];
  for await (const request of requests) {
    seen.push(anyOf("BidiStreamRequest", request));
    if (!first) {
      first = request as StreamRequest;
      begin(ctx, first.responseDefinition);
    }
    if (!first.fullDuplex) continue;
    const definition = first.responseDefinition;
    if (!definition || sent >= definition.responseData.length) break;
    const info = sent === 0 ? requestInfo(ctx, seen) : { requests: seen };
    seen = [];
    if (definition.responseDelayMs) await sleep(definition.responseDelayMs);
    yield { payload: { data: definition.responseData[sent++], requestInfo: info } };
  }
  yield* remaining(ctx, first?.responseDefinition, sent, seen);
}

async function start(wanted: ServerCompatRequest): Promise<[Server, Init<ServerCompatResponse>]> {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  let tls: TlsServerOptions | undefined;
  if (wanted.useTls && wanted.serverCreds) {
    tls = { cert: text(wanted.serverCreds.cert), key: text(wanted.serverCreds.key) };
    if (wanted.clientTlsCert.length > 0) tls.clientCa = text(wanted.clientTlsCert);
  }
  const server = await serve("127.0.0.1:0", (router) => {
    // The descriptors are loaded at run time, so these methods have no static types.
    router.service(ConformanceService, {
      unary: (request: unknown, ctx: HandlerContext) => unary("UnaryRequest", request, ctx),
      idempotentUnary: (request: unknown, ctx: HandlerContext) =>
        unary("IdempotentUnaryRequest", request, ctx),
      clientStream,
      serverStream,
      bidiStream,
    } as never);
  }, { tls, maxReceiveMessageBytes: wanted.messageReceiveLimit || undefined, web: true });
  const port = Number(server.addresses[0].slice(server.addresses[0].lastIndexOf(":") + 1));
  return [server, { host: "127.0.0.1", port, pemCert: wanted.serverCreds?.cert }];
}

if (import.meta.main) {
  for await (const frame of readFrames(Deno.stdin.readable)) {
    const wanted = decode<ServerCompatRequest>("ServerCompatRequest", frame);
    const [server, answer] = await start(wanted);
    Deno.addSignalListener("SIGTERM", () => server.close().then(() => Deno.exit(0)));
    writeFrame(encode<ServerCompatResponse>("ServerCompatResponse", answer));
    await server.finished;
  }
}
