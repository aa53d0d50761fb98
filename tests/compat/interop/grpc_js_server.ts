/**
 * `grpc.testing.TestService` with the server of grpc-js, for the client of this project.
 *
 *     deno run -A tests/compat/interop/grpc_js_server.ts [--tls_cert FILE --tls_key FILE]
 *
 * TLS needs Node: the TLS server of grpc-js does not work on Deno.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import * as grpc from "@grpc/grpc-js";
import {
  type ResponseParameters,
  type SimpleRequest,
  type StreamingInputCallRequest,
  type StreamingOutputCallRequest,
  TestService,
} from "../../../proto/gen/grpc/testing/testing_pb.ts";
import { grpcJsService } from "./grpc_js.ts";

const { values } = parseArgs({
  options: { tls_cert: { type: "string" }, tls_key: { type: "string" } },
});

const payload = (size: number) => ({ body: new Uint8Array(size) });

function echoMetadata(
  metadata: grpc.Metadata,
): { headers: grpc.Metadata; trailers: grpc.Metadata } {
  const [headers, trailers] = [new grpc.Metadata(), new grpc.Metadata()];
  for (const value of metadata.get("x-grpc-test-echo-initial")) {
    headers.add("x-grpc-test-echo-initial", value);
  }
  for (const value of metadata.get("x-grpc-test-echo-trailing-bin")) {
    trailers.add("x-grpc-test-echo-trailing-bin", value);
  }
  return { headers, trailers };
}

const implementation: grpc.UntypedServiceImplementation = {
  emptyCall(_call: grpc.ServerUnaryCall<unknown, unknown>, reply: grpc.sendUnaryData<unknown>) {
    reply(null, {});
  },
  unaryCall(
    call: grpc.ServerUnaryCall<SimpleRequest, unknown>,
    reply: grpc.sendUnaryData<unknown>,
  ) {
    const { headers, trailers } = echoMetadata(call.metadata);
    const { responseStatus, responseSize } = call.request;
    if (responseStatus?.code) {
      reply({ code: responseStatus.code, details: responseStatus.message, metadata: trailers });
      return;
    }
    call.sendMetadata(headers);
    reply(null, { payload: payload(responseSize) }, trailers);
  },
  streamingInputCall(
    call: grpc.ServerReadableStream<StreamingInputCallRequest, unknown>,
    reply: grpc.sendUnaryData<unknown>,
  ) {
    let aggregatedPayloadSize = 0;
    call.on("data", (request) => aggregatedPayloadSize += request.payload?.body.length ?? 0);
    call.on("end", () => reply(null, { aggregatedPayloadSize }));
  },
  streamingOutputCall(call: grpc.ServerWritableStream<StreamingOutputCallRequest, unknown>) {
    writeAll(call, call.request.responseParameters);
    call.end();
  },
  fullDuplexCall(call: grpc.ServerDuplexStream<StreamingOutputCallRequest, unknown>) {
    const { headers, trailers } = echoMetadata(call.metadata);
    call.sendMetadata(headers);
    call.on("data", ({ responseStatus, responseParameters }) => {
      if (responseStatus?.code) {
        call.emit("error", {
          code: responseStatus.code,
          details: responseStatus.message,
          metadata: trailers,
        });
      } else {
        writeAll(call, responseParameters);
      }
    });
    call.on("end", () => call.end(trailers));
  },
};

function writeAll(call: { write(message: unknown): unknown }, wanted: ResponseParameters[]) {
  for (const { size } of wanted) call.write({ payload: payload(size) });
}

const server = new grpc.Server();
server.addService(grpcJsService(TestService), implementation);
const credentials = values.tls_cert && values.tls_key
  ? grpc.ServerCredentials.createSsl(null, [{
    cert_chain: readFileSync(values.tls_cert),
    private_key: readFileSync(values.tls_key),
  }])
  : grpc.ServerCredentials.createInsecure();
server.bindAsync("127.0.0.1:0", credentials, (error, port) => {
  if (error) throw error;
  console.log(`listening 127.0.0.1:${port}`);
});
process.on("SIGTERM", () => process.exit(0));
