/**
 * Server under test of the Connect conformance suite: reads its settings from standard input, listens on a free
 * port, writes the address to standard output, and serves until it is terminated. With `--fetch` it is a handler of
 * `Deno.serve`.
 *
 * Run by `deno task conformance`.
 *
 * @module
 */

import { type HandlerContext, type Router, serve } from "../../../mod.ts";
import { KNOWN_ENCODINGS } from "../../../src/call/encodings.ts";
import { fetchHandler } from "../../../src/rpc/fetch/mod.ts";
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

/** Adds the service under test. */
function configure(router: Router): void {
  // The descriptors are loaded at run time, so these methods have no static types.
  router.service(ConformanceService, {
    unary: (request: unknown, ctx: HandlerContext) => unary("UnaryRequest", request, ctx),
    idempotentUnary: (request: unknown, ctx: HandlerContext) =>
      unary("IdempotentUnaryRequest", request, ctx),
    clientStream,
    serverStream,
    bidiStream,
  } as never);
}

/** A running server. */
interface Running {
  readonly port: number;
  readonly finished: Promise<void>;
  close(): Promise<void>;
}

async function startServer(wanted: ServerCompatRequest): Promise<Running> {
  let tls: TlsServerOptions | undefined;
  if (wanted.useTls && wanted.serverCreds) {
    tls = textOf(wanted.serverCreds);
    if (wanted.clientTlsCert.length > 0) tls.clientCa = utf8.decode(wanted.clientTlsCert);
  }
  const server = await serve("127.0.0.1:0", configure, {
    tls,
    maxReceiveMessageBytes: wanted.messageReceiveLimit || undefined,
    encodings: KNOWN_ENCODINGS,
    web: true,
  });
  const port = Number(server.addresses[0].slice(server.addresses[0].lastIndexOf(":") + 1));
  return { port, finished: server.finished, close: () => server.close() };
}

function startFetch(wanted: ServerCompatRequest): Running {
  const handler = fetchHandler(configure, {
    maxReceiveMessageBytes: wanted.messageReceiveLimit || undefined,
    encodings: KNOWN_ENCODINGS,
  });
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
    ...(wanted.useTls && wanted.serverCreds ? textOf(wanted.serverCreds) : {}),
  }, handler);
  return { port: server.addr.port, finished: server.finished, close: () => server.shutdown() };
}

const utf8 = new TextDecoder();

function textOf({ cert, key }: { cert: Uint8Array; key: Uint8Array }) {
  return { cert: utf8.decode(cert), key: utf8.decode(key) };
}

if (import.meta.main) {
  for await (const frame of readFrames(Deno.stdin.readable)) {
    const wanted = decode<ServerCompatRequest>("ServerCompatRequest", frame);
    const server = Deno.args.includes("--fetch") ? startFetch(wanted) : await startServer(wanted);
    Deno.addSignalListener("SIGTERM", () => server.close().then(() => Deno.exit(0)));
    const answer: Init<ServerCompatResponse> = {
      host: "127.0.0.1",
      port: server.port,
      pemCert: wanted.serverCreds?.cert,
    };
    writeFrame(encode<ServerCompatResponse>("ServerCompatResponse", answer));
    await server.finished;
  }
}
