import assert from "node:assert/strict";
import { ByteWriter } from "../../src/bytes/writer.ts";
import { GrpcServerConnection, type GrpcServerOptions } from "../../src/grpc/server.ts";
import { PREFACE } from "../../src/http2/constants.ts";
import { HpackEncoder } from "../../src/hpack/encoder.ts";
import {
  data,
  frame,
  GRPC_REQUEST,
  headers,
  join,
  parse,
  settings,
  settingsAck,
} from "./frames.ts";

// RFC 9113 section 6.5.3: what a side has announced holds once the other has acknowledged it.

function server(options: GrpcServerOptions) {
  const engine = new GrpcServerConnection(
    {
      onCall(call) {
        call.sink = { onMessage() {}, onHalfClose() {}, onCancel() {}, onWritable() {} };
      },
    },
    options,
    0,
  );
  const send = (...parts: Uint8Array[]) => {
    engine.receive(join(...parts), 0);
    const frames = parse(engine.out.view().slice());
    engine.out.clear();
    return frames.map((f) => f.type);
  };
  send(PREFACE, settings());
  return send;
}

Deno.test("a smaller window binds a client only once it has acknowledged it", () => {
  const send = server({ initialWindowBytes: 1000 });
  const early = send(headers(1), data(1, new Uint8Array(5000)));
  assert(!early.includes(3) && !early.includes(7), `${early}`);
  send(settingsAck());
  assert(send(headers(3), data(3, new Uint8Array(5000))).includes(3));
});

Deno.test("a smaller header table binds a client only once it has acknowledged it", () => {
  const send = server({ headerTableBytes: 0 });
  const encoder = new HpackEncoder();
  const request = (id: number) => {
    const out = new ByteWriter();
    encoder.begin(out);
    for (const [name, value] of GRPC_REQUEST) encoder.field(out, name, value);
    return frame(1, 4, id, out.view());
  };
  for (const id of [1, 3]) assert.deepEqual(send(request(id)), []);
  encoder.setPeerMaxTableBytes(0);
  assert.deepEqual(send(settingsAck(), request(5)), []);
  assert.deepEqual(send(request(7)), []);
});

Deno.test("a header table that is still too large after the acknowledgement ends the connection", () => {
  const send = server({ headerTableBytes: 0 });
  assert.deepEqual(send(settingsAck(), headers(1)), [7]);
});
