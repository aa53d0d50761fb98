import assert from "node:assert/strict";
import { ByteWriter } from "../../src/bytes/writer.ts";
import { GrpcServerConnection, type GrpcServerOptions } from "../../src/grpc/server.ts";
import { ErrorCode, PREFACE } from "../../src/http2/constants.ts";
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
import { goawayCode, Server } from "./server_peer.ts";
import { serverCallSink } from "../fixtures/sinks.ts";

function server(options: GrpcServerOptions) {
  const engine = new GrpcServerConnection(
    {
      onCall(call) {
        call.sink = serverCallSink();
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

Deno.test("RFC 9113 §6.5.3: a smaller window binds a client only once it has acknowledged it", () => {
  const send = server({ initialWindowBytes: 1000 });
  const early = send(headers(1), data(1, new Uint8Array(5000)));
  assert(!early.includes(3) && !early.includes(7), `${early}`);
  send(settingsAck());
  assert(send(headers(3), data(3, new Uint8Array(5000))).includes(3));
});

Deno.test("RFC 9113 §6.5.3, RFC 7541 §4.2: a smaller header table binds a client only once it has acknowledged it", () => {
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

Deno.test("RFC 7541 §4.2: a header table that is still too large after the acknowledgement ends the connection", () => {
  const send = server({ headerTableBytes: 0 });
  assert.deepEqual(send(settingsAck(), headers(1)), [7]);
});

Deno.test("RFC 9113 §3.4: a client that sends no preface within the time limit is closed", () => {
  const server = new Server();
  server.output();
  assert.equal(server.engine.nextTimerMs(), 5_000);
  server.engine.onTimer(5_000);
  assert.equal(goawayCode(server.output()), ErrorCode.PROTOCOL_ERROR);
});

Deno.test("RFC 9113 §6.5.3: SETTINGS that are not acknowledged end the connection with SETTINGS_TIMEOUT", () => {
  const server = new Server();
  server.send(PREFACE, settings());
  server.engine.onTimer(10_000);
  assert.equal(goawayCode(server.output()), ErrorCode.SETTINGS_TIMEOUT);
});

Deno.test("RFC 9113 §6.5.2: a value that is repeated or unknown is applied in order or ignored", () => {
  const server = new Server();
  // 0x99 is unknown; the last INITIAL_WINDOW_SIZE holds.
  server.send(
    PREFACE,
    settings([0x99, 1], [4, 10], [4, 20]),
    settingsAck(),
    headers(1, GRPC_REQUEST, 5),
  );
  server.calls[0].sendMessage(new Uint8Array(25), false);
  assert.deepEqual(server.output().filter((f) => f.type === 0).map((f) => f.payload.length), [20]);
});
