/**
 * Requests of loads, as files with one message.
 *
 * @module
 */

import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { MsgSchema } from "../../proto/gen/bench/echo_pb.ts";
import { ListRequestSchema, OrderListSchema } from "../../proto/gen/bench/orders_pb.ts";
import { orders } from "../orders.ts";
import { FIELD_PREFIX, TOKEN } from "./modes.ts";
import { CACHE } from "./tools.ts";

/** Request of a load. */
export interface Request {
  /** Path of the method. */
  readonly path: string;
  /** Name of the request's file. */
  readonly name: string;
  /** Further fields, `NAME: VALUE`. Default none. */
  readonly fields?: readonly string[];
  /** Whether the message is compressed. */
  readonly gzip?: boolean;
  /** Content type of a unary call of Connect, whose body is the message. Default: a gRPC call. */
  readonly connect?: "application/json" | "application/proto";
  /** Returns the encoded message. */
  message(): Uint8Array;
}

/** Echo of a flat message. */
export const unaryEcho = (bytes: number): Request => ({
  path: "/bench.Echo/Unary",
  name: `message-${bytes}`,
  message: () => toBinary(MsgSchema, create(MsgSchema, { payload: new Uint8Array(bytes) })),
});

/** Echo of a flat message of 64 bytes by Connect. */
export const connectEcho = (format: "json" | "proto"): Request => ({
  ...unaryEcho(64),
  name: `connect-64-${format}`,
  connect: `application/${format}`,
  message: format === "proto" ? unaryEcho(64).message : () =>
    new TextEncoder().encode(
      toJsonString(MsgSchema, create(MsgSchema, { payload: new Uint8Array(64) })),
    ),
});

/** Echo of nested messages of some 330 bytes each. */
export const ordersEcho = (count: number): Request => ({
  path: "/bench.Orders/Echo",
  name: `orders-${count}`,
  message: () => toBinary(OrderListSchema, create(OrderListSchema, orders(count))),
});

/** List of nested messages, which the handler makes. */
export const ordersList = (count: number): Request => ({
  path: "/bench.Orders/List",
  name: `list-${count}`,
  message: () => toBinary(ListRequestSchema, create(ListRequestSchema, { count })),
});

/** Returns a request with a deadline of five seconds. */
export const withDeadline = (request: Request): Request => ({
  ...request,
  fields: ["grpc-timeout: 5S"],
});

/** Returns a request with the token that the mode `interceptors` checks. */
export const withToken = (request: Request): Request => ({
  ...request,
  fields: [`authorization: ${TOKEN}`],
});

/** Returns a request with `count` fields of 32 characters, which the mode `metadata` sends back. */
export const withFields = (request: Request, count: number): Request => ({
  ...request,
  fields: Array.from(
    { length: count },
    (_, i) => `${FIELD_PREFIX}${i}: ${`${i}`.padStart(32, "0123456789abcdef")}`,
  ),
});

/** Returns a request with a compressed message, which accepts a compressed reply. */
export const compressed = (request: Request): Request => ({
  ...request,
  name: `${request.name}-gzip`,
  fields: ["grpc-encoding: gzip", "grpc-accept-encoding: gzip"],
  gzip: true,
});

/** Writes a file with the body of a request, which is one message; returns its path. */
export async function messageFile(request: Request): Promise<string> {
  const file = join(CACHE, `${request.name}.bin`);
  await Deno.mkdir(CACHE, { recursive: true });
  await Deno.writeFile(file, request.connect === undefined ? framed(request) : request.message());
  return file;
}

/** Returns the message behind the prefix of gRPC. */
function framed({ message, gzip }: Request): Uint8Array {
  const body = gzip ? gzipSync(message()) : message();
  const frame = new Uint8Array(5 + body.length);
  frame[0] = gzip ? 1 : 0;
  new DataView(frame.buffer).setUint32(1, body.length);
  frame.set(body, 5);
  return frame;
}

/** Returns the header fields of a request, `NAME: VALUE`. */
export function fieldsOf({ connect, fields = [] }: Request): string[] {
  const own = connect === undefined
    ? ["content-type: application/grpc", "te: trailers"]
    : [`content-type: ${connect}`, "connect-protocol-version: 1"];
  return [...own, ...fields];
}
