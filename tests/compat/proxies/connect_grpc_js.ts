/**
 * Client of grpc-js that calls once through the proxy of its environment: prints the size of the reply.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import * as grpc from "@grpc/grpc-js";

const client = new grpc.Client(Deno.args[0], grpc.credentials.createInsecure());
const same = (bytes: Uint8Array) => Buffer.from(bytes);
client.makeUnaryRequest(
  "/test.Echo/Echo",
  same,
  same,
  new Uint8Array(9),
  (error: grpc.ServiceError | null, reply?: Uint8Array) => {
    console.log(error?.message ?? reply?.length);
    client.close();
  },
);
