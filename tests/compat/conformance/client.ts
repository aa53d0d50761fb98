/**
 * Client under test of the Connect conformance suite: makes the calls requested on standard input and writes
 * their results to standard output.
 *
 * Run by `deno task conformance`.
 *
 * @module
 */

import { KNOWN_ENCODINGS } from "../../../src/call/encodings.ts";
import {
  type CallOptions,
  type Channel,
  type ChannelOptions,
  connect,
  type Metadata,
} from "../../../mod.ts";
import { fromError, fromMetadata, toMetadata } from "./convert.ts";
import { readFrames, writeFrame } from "./frames.ts";
import {
  type ClientCompatRequest,
  type ClientCompatResponse,
  type ClientResult,
  CODEC_JSON,
  COMPRESSIONS,
  ConformanceService,
  decode,
  encode,
  HTTP_VERSION_1,
  type Payload,
  STREAM_TYPE_FULL_DUPLEX,
  WIRES,
} from "./schema.ts";
import { fromBinary } from "@bufbuild/protobuf";
import { sleep } from "../../fixtures/waiting.ts";

type Response = { payload?: Payload };
type Client = {
  [method: string]: (request: unknown, options: CallOptions) => unknown;
};

const channels = new Map<string, Channel>();

/** One channel per server and settings. */
function channelTo(wanted: ClientCompatRequest): Channel {
  const text = (bytes?: Uint8Array) => bytes && new TextDecoder().decode(bytes);
  const tls = wanted.serverTlsCert.length === 0 ? undefined : {
    ca: text(wanted.serverTlsCert),
    cert: text(wanted.clientTlsCreds?.cert),
    key: text(wanted.clientTlsCreds?.key),
  };
  const limit = wanted.messageReceiveLimit || undefined;
  const wire = WIRES[wanted.protocol];
  const options: ChannelOptions = {
    wire,
    httpVersion: wanted.httpVersion === HTTP_VERSION_1 ? "1.1" : "2",
    codec: wanted.codec === CODEC_JSON ? "json" : "proto",
    useHttpGet: wanted.useGetHttpMethod,
    tls,
    maxReceiveMessageBytes: limit,
  };
  const encoding = COMPRESSIONS[wanted.compression];
  if (encoding !== undefined) {
    options.encodings = [encoding, ...KNOWN_ENCODINGS.filter((name) => name !== encoding)];
  }
  const key = JSON.stringify([wanted.host, wanted.port, options]);
  let channel = channels.get(key);
  if (!channel) {
    channel = connect(`${wanted.host}:${wanted.port}`, options);
    channels.set(key, channel);
  }
  return channel;
}

/** Stream of requests that the caller fills. */
class Requests implements AsyncIterable<unknown> {
  #waiting: unknown[] = [];
  #ended = false;
  #wake = () => {};
  taken = 0;

  push(message: unknown): void {
    this.#waiting.push(message);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator]() {
    while (true) {
      while (this.#waiting.length > 0) {
        this.taken++;
        yield this.#waiting.shift();
      }
      if (this.#ended) return;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

async function call(wanted: ClientCompatRequest): Promise<ClientResult> {
  const method = ConformanceService.methods.find((one) => one.name === wanted.method);
  if (!method) throw new TypeError(`Cannot find method ${wanted.method}`);
  const client = channelTo(wanted).client(ConformanceService) as unknown as Client;
  const messages = wanted.requestMessages.map((any) => fromBinary(method.input, any.value));

  const abort = new AbortController();
  const cancel = () => abort.abort(new DOMException("The call was cancelled", "AbortError"));
  const timing = wanted.cancel
    ? wanted.cancel.cancelTiming.case === undefined
      ? { case: "afterCloseSendMs" as const, value: 0 }
      : wanted.cancel.cancelTiming
    : { case: undefined };
  const afterClose = () => {
    if (timing.case === "afterCloseSendMs") setTimeout(cancel, timing.value);
  };

  let headers: Metadata | undefined;
  let trailers: Metadata | undefined;
  const options: CallOptions = {
    signal: abort.signal,
    timeoutMs: wanted.timeoutMs,
    metadata: toMetadata(wanted.requestHeaders),
    compress: COMPRESSIONS[wanted.compression] !== undefined && "always",
    onHeaders: (received) => headers = received,
    onTrailers: (received) => trailers = received,
  };
  const payloads: Payload[] = [];
  let error: unknown;
  let unsent = 0;
  const received = (response: unknown) => {
    // A response without payload counts too.
    payloads.push((response as Response).payload ?? { data: new Uint8Array() });
    if (timing.case === "afterNumResponses" && payloads.length === timing.value) cancel();
  };

  try {
    switch (method.methodKind) {
      case "unary": {
        const response = client[method.localName](messages[0], options);
        afterClose();
        received(await response);
        break;
      }
      case "server_streaming": {
        const responses = client[method.localName](messages[0], options) as AsyncIterable<unknown>;
        afterClose();
        for await (const response of responses) received(response);
        break;
      }
      case "client_streaming": {
        const requests = new Requests();
        const response = client[method.localName](requests, options) as Promise<unknown>;
        response.catch(() => {});
        await sendAll(requests);
        received(await response);
        break;
      }
      case "bidi_streaming": {
        const requests = new Requests();
        const responses = client[method.localName](requests, options) as AsyncIterable<unknown>;
        const iterator = responses[Symbol.asyncIterator]();
        if (wanted.streamType === STREAM_TYPE_FULL_DUPLEX) {
          for (const [index, message] of messages.entries()) {
            if (wanted.requestDelayMs) await sleep(wanted.requestDelayMs);
            requests.push(message);
            unsent = messages.length - index - 1;
            const next = await iterator.next();
            if (next.done) break;
            received(next.value);
          }
          if (timing.case === "beforeCloseSend") cancel();
          else requests.end(), afterClose();
        } else {
          // Iterating starts the call.
          const first = iterator.next();
          first.catch(() => {});
          await sendAll(requests);
          const next = await first;
          if (next.done) break;
          received(next.value);
        }
        for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
          received(next.value);
        }
        break;
      }
    }
  } catch (thrown) {
    error = thrown;
  }

  async function sendAll(requests: Requests): Promise<void> {
    for (const message of messages) {
      if (wanted.requestDelayMs) await sleep(wanted.requestDelayMs);
      requests.push(message);
    }
    if (timing.case === "beforeCloseSend") {
      await sleep(0);
      cancel();
    } else {
      requests.end();
      afterClose();
    }
  }

  return {
    responseHeaders: fromMetadata(headers),
    payloads,
    error: error === undefined ? undefined : fromError(error),
    responseTrailers: fromMetadata(trailers),
    numUnsentRequests: unsent,
  };
}

async function answer(wanted: ClientCompatRequest): Promise<void> {
  const response: ClientCompatResponse = { testName: wanted.testName, result: undefined! };
  try {
    response.result = { case: "response", value: await call(wanted) };
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.stack ?? thrown.message : String(thrown);
    response.result = { case: "error", value: { message } };
  }
  writeFrame(encode<ClientCompatResponse>("ClientCompatResponse", response));
}

if (import.meta.main) {
  const running = new Set<Promise<void>>();
  for await (const frame of readFrames(Deno.stdin.readable)) {
    const wanted = decode<ClientCompatRequest>("ClientCompatRequest", frame);
    const one: Promise<void> = answer(wanted).finally(() => running.delete(one));
    running.add(one);
    // Number of concurrent calls.
    if (running.size >= 8) await Promise.race(running);
  }
  await Promise.all(running);
  await Promise.all([...channels.values()].map((channel) => channel.close()));
}
