/**
 * Client for web pages: all kinds of calls, bidirectional streams too, in the lean wire inside one WebSocket. It uses
 * nothing but the standard WebSocket, timers and protobuf-es, and so runs in workers, Deno and Node as well.
 *
 * ```ts
 * import { connect, RpcError } from "@vrpc/vrpc/browser";
 * import { EchoService } from "@vrpc/vrpc/services/echo";
 *
 * const channel = connect("https://api.example", { timeoutMs: 10_000 });
 * async function* requests() {
 *   for (let i = 0; i < 3; i++) yield { payload: Uint8Array.of(i) };
 * }
 * try {
 *   for await (const { payload } of channel.client(EchoService).echoStream(requests())) {
 *     console.log(payload);
 *   }
 * } catch (error) {
 *   if (error instanceof RpcError) console.log(error.codeName, error.message);
 * }
 * ```
 *
 * @module
 */

export { Metadata, type MetadataInit, type MetadataValue } from "../call/metadata.ts";
export { Status } from "../call/status.ts";
export { type ErrorDetail, RpcError, type RpcErrorOptions } from "../errors.ts";
export { type Channel, connect } from "./channel.ts";
export type { Client, ClientFunction, Requests } from "./client.ts";
export { findDetails } from "./details.ts";
export type {
  CallOptions,
  ChannelOptions,
  WebSocketConstructor,
  WebSocketLike,
} from "./options.ts";
