/**
 * Interoperability cases with the client of grpc-js, for the server of this project.
 *
 *     deno run -A tests/compat/interop/grpc_js_client.ts --addr 127.0.0.1:10000 [--tls_ca FILE]
 *
 * @module
 */

import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import type { Message } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { TestService, UnimplementedService } from "../../../proto/gen/grpc/testing/testing_pb.ts";
import { grpcJsService } from "./grpc_js.ts";

const { values } = parseArgs({
  options: { addr: { type: "string", default: "127.0.0.1:10000" }, tls_ca: { type: "string" } },
});

const credentials = values.tls_ca
  ? grpc.credentials.createSsl(Buffer.from(await Deno.readFile(values.tls_ca)))
  : grpc.credentials.createInsecure();

// deno-lint-ignore no-explicit-any -- grpc-js makes these methods at run time
const open = (service: typeof TestService | typeof UnimplementedService): any =>
  new (grpc.makeGenericClientConstructor(grpcJsService(service), service.typeName))(
    values.addr,
    credentials,
    // TLS does not accept an IP address as the server name.
    values.tls_ca ? { "grpc.ssl_target_name_override": "localhost" } : {},
  );
const client = open(TestService);
const zeros = (size: number) => ({ body: new Uint8Array(size) });
const REQUEST_SIZES = [27182, 8, 1828, 45904];
const RESPONSE_SIZES = [31415, 9, 2653, 58979];
const SPECIAL_MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";

type Outcome = {
  status: grpc.StatusObject;
  headers?: grpc.Metadata;
  // deno-lint-ignore no-explicit-any -- reply of any method
  messages: any[];
};

/** Calls a method with one reply; resolves at its status. */
function once(
  method: string,
  request: unknown,
  metadata = new grpc.Metadata(),
  target = client,
  // deno-lint-ignore no-explicit-any -- grpc-js makes these methods at run time
  drive: (call: any) => void = () => {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const outcome: Partial<Outcome> = { messages: [] };
    const done = (_error: grpc.ServiceError | null, message?: Message) => {
      if (message) outcome.messages!.push(message);
      settle();
    };
    let waiting = 2;
    const settle = () => --waiting === 0 && resolve(outcome as Outcome);
    const call = request === undefined
      ? target[method](metadata, done)
      : target[method](request, metadata, done);
    call.on("metadata", (headers: grpc.Metadata) => outcome.headers = headers);
    call.on("status", (status: grpc.StatusObject) => (outcome.status = status, settle()));
    drive(call);
  });
}

/** Calls a method with a stream of replies; `drive` writes the requests. */
function stream(
  method: string,
  args: unknown[],
  // deno-lint-ignore no-explicit-any -- grpc-js makes these methods at run time
  drive: (call: any, received: number) => void,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const outcome: Partial<Outcome> = { messages: [] };
    const call = client[method](...args);
    call.on("metadata", (headers: grpc.Metadata) => outcome.headers = headers);
    call.on("data", (message: Message) => {
      outcome.messages!.push(message);
      drive(call, outcome.messages!.length);
    });
    call.on("error", () => {});
    call.on("status", (status: grpc.StatusObject) => {
      outcome.status = status;
      resolve(outcome as Outcome);
    });
    drive(call, 0);
  });
}

const sizes = (outcome: Outcome) => outcome.messages.map((message) => message.payload.body.length);
const LARGE = { responseSize: 314159, payload: zeros(271828) };

const CASES: Record<string, () => Promise<void>> = {
  async empty_unary() {
    assert.equal((await once("emptyCall", {})).status.code, grpc.status.OK);
  },
  async large_unary() {
    assert.deepEqual(sizes(await once("unaryCall", LARGE)), [314159]);
  },
  async client_streaming() {
    const { messages } = await once("streamingInputCall", undefined, undefined, client, (call) => {
      for (const size of REQUEST_SIZES) call.write({ payload: zeros(size) });
      call.end();
    });
    assert.equal(messages[0].aggregatedPayloadSize, 74922);
  },
  async server_streaming() {
    const request = { responseParameters: RESPONSE_SIZES.map((size) => ({ size })) };
    assert.deepEqual(
      sizes(await stream("streamingOutputCall", [request], () => {})),
      RESPONSE_SIZES,
    );
  },
  async ping_pong() {
    const outcome = await stream("fullDuplexCall", [], (call, received) => {
      if (received === RESPONSE_SIZES.length) return call.end();
      call.write({
        responseParameters: [{ size: RESPONSE_SIZES[received] }],
        payload: zeros(REQUEST_SIZES[received]),
      });
    });
    assert.deepEqual(sizes(outcome), RESPONSE_SIZES);
    assert.equal(outcome.status.code, grpc.status.OK);
  },
  async empty_stream() {
    const { status, messages } = await stream("fullDuplexCall", [], (call) => call.end());
    assert.deepEqual([status.code, messages], [grpc.status.OK, []]);
  },
  async timeout_on_sleeping_server() {
    const { status } = await stream(
      "fullDuplexCall",
      [{ deadline: Date.now() + 1 }],
      (call) => call.write({ payload: zeros(27182) }),
    );
    assert.equal(status.code, grpc.status.DEADLINE_EXCEEDED);
  },
  async cancel_after_begin() {
    const { status } = await once(
      "streamingInputCall",
      undefined,
      undefined,
      client,
      (call) => call.cancel(),
    );
    assert.equal(status.code, grpc.status.CANCELLED);
  },
  async cancel_after_first_response() {
    const { status } = await stream("fullDuplexCall", [], (call, received) => {
      if (received > 0) return call.cancel();
      call.write({ responseParameters: [{ size: 31415 }], payload: zeros(27182) });
    });
    assert.equal(status.code, grpc.status.CANCELLED);
  },
  async status_code_and_message() {
    const request = { responseStatus: { code: 2, message: "test status message" } };
    const unary = await once("unaryCall", request);
    const duplex = await stream("fullDuplexCall", [], (call) => (call.write(request), call.end()));
    for (const { status } of [unary, duplex]) {
      assert.deepEqual([status.code, status.details], [2, "test status message"]);
    }
  },
  async special_status_message() {
    const { status } = await once("unaryCall", {
      responseStatus: { code: 2, message: SPECIAL_MESSAGE },
    });
    assert.deepEqual([status.code, status.details], [2, SPECIAL_MESSAGE]);
  },
  async custom_metadata() {
    const metadata = new grpc.Metadata();
    metadata.set("x-grpc-test-echo-initial", "test_initial_metadata_value");
    metadata.set("x-grpc-test-echo-trailing-bin", Buffer.from([0xab, 0xab, 0xab]));
    const unary = await once("unaryCall", LARGE, metadata);
    const duplex = await stream("fullDuplexCall", [metadata], (call, received) => {
      if (received > 0) return;
      call.write({ responseParameters: [{ size: 314159 }], payload: zeros(271828) });
      call.end();
    });
    for (const { headers, status } of [unary, duplex]) {
      assert.deepEqual(headers?.get("x-grpc-test-echo-initial"), ["test_initial_metadata_value"]);
      const [trailing] = status.metadata.get("x-grpc-test-echo-trailing-bin");
      assert.deepEqual([...(trailing as Buffer)], [0xab, 0xab, 0xab]);
    }
  },
  async unimplemented_method() {
    const { status } = await once("unimplementedCall", {});
    assert.equal(status.code, grpc.status.UNIMPLEMENTED);
  },
  async unimplemented_service() {
    const other = open(UnimplementedService);
    const { status } = await once("unimplementedCall", {}, undefined, other);
    other.close();
    assert.equal(status.code, grpc.status.UNIMPLEMENTED);
  },
};

let failed = 0;
for (const [name, run] of Object.entries(CASES)) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("no end after 10 s")), 10_000);
  });
  try {
    await Promise.race([run(), late]);
    console.log(`PASS ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${name}: ${error instanceof Error ? error.stack : error}`);
  } finally {
    clearTimeout(timer);
  }
}
client.close();
Deno.exit(failed > 0 ? 1 : 0);
