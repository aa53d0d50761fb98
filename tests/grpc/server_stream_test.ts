import assert from "node:assert/strict";
import { Status } from "../../src/call/status.ts";
import type { ServerCall } from "../../src/call/wire.ts";
import { GrpcServerConnection } from "../../src/grpc/server.ts";
import { HpackDecoder } from "../../src/hpack/decoder.ts";
import { HeaderList } from "../../src/hpack/header_list.ts";
import { ErrorCode, FrameType } from "../../src/http2/constants.ts";
import { data, headers, hello, parse } from "../http2/frames.ts";

const END_STREAM = 1;
const LIMITS = { maxListBytes: 16_384, maxFields: 128 };

/** A server's engine with a client that writes frames by hand. */
class Calls {
  readonly cancelled: [Status, string][] = [];
  readonly statuses: string[] = [];
  goaway: number | undefined;
  readonly server: GrpcServerConnection;
  #decoder = new HpackDecoder();
  #nextId = 1;

  constructor() {
    const onCall = (call: ServerCall) => {
      call.sink = {
        onMessage: () => {},
        onHalfClose: () => {
          call.respond(new Uint8Array(1));
          call.handlerDone();
        },
        onCancel: (code, reason) => {
          this.cancelled.push([code, reason]);
          call.handlerDone();
        },
        onWritable: () => {},
      };
    };
    this.server = new GrpcServerConnection({ onCall }, {}, 0);
    this.server.receive(hello(), 0);
    this.#take();
  }

  send(content: readonly number[], flags = END_STREAM, nowMs = 0): void {
    const id = this.#nextId;
    this.#nextId += 2;
    this.server.receive(headers(id), nowMs);
    if (!this.server.finished) this.server.receive(data(id, content, flags), nowMs);
    this.#take();
  }

  #take(): void {
    for (const { type, payload } of parse(this.server.out.view().slice())) {
      if (type === FrameType.GOAWAY) this.goaway = payload[7];
      if (type !== FrameType.HEADERS) continue;
      const list = new HeaderList();
      this.#decoder.decode(payload, 0, payload.length, list, LIMITS);
      const status = list.get("grpc-status");
      if (status !== undefined) this.statuses.push(status);
    }
    this.server.out.clear();
    this.server.outputDrained(0);
  }
}

const FAULTS: [string, readonly number[], number][] = [
  ["inside a prefix", [0, 0, 0], END_STREAM],
  ["inside a message", [0, 0, 0, 0, 9, 1], END_STREAM],
  ["with flags above 1", [2, 0, 0, 0, 0], END_STREAM],
  ["with flags above 1, and goes on", [2, 0, 0, 0, 0], 0],
  ["compressed without a compression", [1, 0, 0, 0, 0], END_STREAM],
];

for (const [name, content, flags] of FAULTS) {
  Deno.test(`a request ${name} ends with INTERNAL, and a flood of them ends the connection`, () => {
    const calls = new Calls();
    for (let i = 0; i < 500; i++) calls.send(content, flags);
    assert.deepEqual(new Set(calls.statuses), new Set(["13"]));
    assert.equal(calls.statuses.length, 500);
    assert.equal(calls.cancelled.length, 500);
    assert.equal(calls.cancelled[0][0], Status.INTERNAL);
    assert.equal(calls.goaway, undefined);
    for (let i = 0; i < 501 && !calls.server.finished; i++) calls.send(content, flags);
    assert.equal(calls.goaway, ErrorCode.ENHANCE_YOUR_CALM);
    assert.equal(calls.server.activeCalls, 0);
  });
}

Deno.test("occasional requests with broken framing do not end the connection", () => {
  const calls = new Calls();
  for (let i = 0; i < 3000; i++) {
    calls.send([0, 0, 0], END_STREAM, i * 100);
    calls.send([0, 0, 0, 0, 1, 9], END_STREAM, i * 100);
  }
  assert.equal(calls.goaway, undefined);
  assert.equal(calls.statuses.filter((status) => status === "0").length, 3000);
});
