/** Parsers as fuzzing targets: HPACK, gRPC messages, batches, addresses, the JSON gateway. */

import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { ByteWriter } from "../../../src/bytes/writer.ts";
import { ProtocolError } from "../../../src/errors.ts";
import { Gateway } from "../../../src/gateway/mod.ts";
import { GrpcServerConnection } from "../../../src/grpc/server.ts";
import { HpackDecoder } from "../../../src/hpack/decoder.ts";
import { HpackEncoder } from "../../../src/hpack/encoder.ts";
import { HeaderList } from "../../../src/hpack/header_list.ts";
import { readBatchRequest, readBatchResponse } from "../../../src/rpc/batch/messages.ts";
import type { Channel } from "../../../src/rpc/channel/channel.ts";
import { formatAddress, parseAddress } from "../../../src/transport/mod.ts";
import { EchoResponseSchema, EchoService } from "../../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { Random } from "../simulation/random.ts";
import { join, pieces, scratch, type Target } from "./target.ts";
import { splitHttp2 } from "./frames.ts";
import { transcripts } from "./transcripts.ts";

const utf8 = new TextEncoder();
const text = new TextDecoder();

function protocolErrorsOnly(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
}

// Sequence of blocks, each after its length in two octets.
function lengthFirst(block: Uint8Array): Uint8Array {
  return join([Uint8Array.of(block.length >> 8, block.length), block]);
}

function splitBlocks(input: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = [];
  for (let at = 0; at < input.length;) {
    const length = 2 + (input[at] << 8 | input[at + 1]);
    units.push(input.slice(at, at + length));
    at += length;
  }
  return units;
}

const hpack: Target = {
  name: "hpack",
  invariant: "only remote ProtocolErrors; the list and the table stay within their limits",
  seeds: () =>
    [0, 100, 4_096].map((tableBytes) => {
      const encoder = new HpackEncoder({ maxTableBytes: tableBytes });
      const blocks: Uint8Array[] = [];
      for (let i = 0; i < 6; i++) {
        const out = new ByteWriter();
        if (i === 3) encoder.setPeerMaxTableBytes(200);
        encoder.begin(out);
        encoder.field(out, ":method", "POST");
        encoder.field(out, ":path", `/a.B/${i}`);
        encoder.field(out, "grpc-timeout", `${i}S`, "literal");
        encoder.field(out, "authorization", "Bearer x", "never");
        encoder.field(out, `x-${i % 2}`, "\xff".repeat(i * 20));
        blocks.push(lengthFirst(out.view().slice()));
      }
      return join(blocks);
    }),
  split: splitBlocks,
  bend: (unit, random) => lengthFirst(scratch(unit.subarray(2), random)),
  run(input) {
    const decoder = new HpackDecoder();
    const list = new HeaderList();
    const limits = { maxListBytes: 1_000, maxFields: 20 };
    protocolErrorsOnly(() => {
      for (const unit of splitBlocks(input)) {
        decoder.decode(unit, 2, unit.length, list, limits);
        if (list.count > 20 || (!list.overLimit && list.size > 1_000)) throw new Error("list");
        if (decoder.tableBytes > 4_096) throw new Error("table");
      }
    });
  },
};

let opening: { readonly bytes: Uint8Array; readonly id: Uint8Array } | undefined;

// Preface, SETTINGS and HEADERS of a call with a stream of messages.
function openCall(): { readonly bytes: Uint8Array; readonly id: Uint8Array } {
  const [preface, ...frames] = splitHttp2(transcripts("grpc", "server")[0]);
  const settings = frames.find((frame) => frame[3] === 4)!;
  const headers = frames.find((frame) => frame[3] === 1)!;
  headers[4] &= ~1;
  return { bytes: join([preface, settings, headers]), id: headers.subarray(5, 9) };
}

// Messages of one call in valid DATA frames of any size.
const envelope: Target = {
  name: "grpc_envelope",
  invariant: "messages come out whole or the call ends; nothing larger than the limit is held",
  seeds: () => [
    Uint8Array.of(0, 0, 0, 0, 3, 1, 2, 3),
    Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9, 1, 0, 0, 0, 2, 8, 8),
    join([Uint8Array.of(0, 0, 0, 0x20, 0), new Uint8Array(0x2000)]),
  ],
  split(input) {
    const units: Uint8Array[] = [];
    for (let at = 0; at < input.length;) {
      const length = 5 + input[at + 1] * 2 ** 24 +
        (input[at + 2] << 16 | input[at + 3] << 8 | input[at + 4]);
      units.push(input.slice(at, at + (length || 5)));
      at += length || 5;
    }
    return units;
  },
  bend(unit, random) {
    if (unit.length < 5) return scratch(unit, random);
    const copy = unit.slice();
    copy[random.int(0, 4)] = random.pick([0, 1, 2, 4, 0x40, 0xff]);
    return copy;
  },
  run(input, seed) {
    const random = new Random(seed);
    let messages = 0;
    let ends = 0;
    const engine = new GrpcServerConnection(
      {
        onCall(call) {
          call.sink = {
            onMessage: (message) => {
              messages += 5 + message.length;
              if (message.length > 10_000) throw new Error("a message above the limit");
            },
            onHalfClose: () => {
              ends++;
              call.respond(new Uint8Array(1));
              call.handlerDone();
            },
            onCancel: () => {
              ends++;
              call.handlerDone();
            },
            onWritable() {},
          };
        },
      },
      { maxReceiveMessageBytes: 10_000 },
      0,
    );
    opening ??= openCall();
    engine.receive(opening.bytes, 0);
    const { id } = opening;
    pieces(input.slice(0, 60_000), random, (piece) => {
      for (let at = 0; at < piece.length; at += 16_384) {
        const part = piece.subarray(at, at + 16_384);
        const head = Uint8Array.of(part.length >> 16, part.length >> 8, part.length, 0, 0, ...id);
        engine.receive(join([head, part]), 0);
        if (engine.bufferedBytes > 200_000) throw new Error("too much is held");
      }
    });
    engine.receive(Uint8Array.of(0, 0, 0, 0, 1, ...id), 0);
    engine.transportLost("", 0);
    if (messages > input.length) throw new Error("more came out than went in");
    if (ends !== 1) throw new Error(`the call ended ${ends} times`);
  },
};

const nothing = () => {};
const batchSink = {
  onCall: nothing,
  onCancel: nothing,
  onMaxReplyBytes: nothing,
  onReply: nothing,
  onMaxCalls: nothing,
};

const batch: Target = {
  name: "batch",
  invariant: "only remote ProtocolErrors",
  seeds: () => [
    Uint8Array.fromHex("0a1008011204" + "2f612f62" + "180122026869"),
    Uint8Array.fromHex("0a0608011a02686920051002"),
  ],
  split: (input) => [input],
  bend: scratch,
  run(input) {
    protocolErrorsOnly(() => readBatchRequest(input, batchSink));
    protocolErrorsOnly(() => readBatchResponse(input, batchSink));
  },
};

const address: Target = {
  name: "address",
  invariant: "TypeError or RangeError, or an address whose text parses to the same address",
  seeds: () =>
    [
      "127.0.0.1:50051",
      "dns:///example.com:443",
      "[::1]:1",
      "ipv4:1.2.3.4:5,6.7.8.9:10",
      "ipv6:[fe80::1%25eth0]:1",
      "unix:///run/a.sock",
      "unix:relative.sock",
      "unix-abstract:name",
      "vsock:16:50051",
      "vsock://any:1",
      "hvsock:/tmp/v.sock:52",
      "memory:x",
    ].map((one) => utf8.encode(one)),
  split: (input) => text.decode(input).split(/(?<=[:/,\[\]%.])/).map((part) => utf8.encode(part)),
  bend: scratch,
  run(input) {
    let first: unknown;
    let formatted: string;
    try {
      const parsed = parseAddress(text.decode(input));
      first = parsed;
      formatted = formatAddress(parsed);
    } catch (error) {
      if (error instanceof TypeError || error instanceof RangeError) return;
      throw error;
    }
    const again = parseAddress(formatted);
    if (JSON.stringify(again) !== JSON.stringify(first)) {
      throw new Error(`${formatted} parses to another address than ${JSON.stringify(first)}`);
    }
  },
};

const json = [
  `{}`,
  `{"payload":"aGk="}`,
  `{"payload":"aGk=","unknown":[1,{"a":null}]}`,
  `[[[[{"payload":1e400}]]]]`,
  `"\\ud800"`,
];

const echoes = {
  call: (_path: string, payload: Uint8Array) => Promise.resolve(payload.slice()),
} as unknown as Channel;
const gateway = new Gateway(echoes, { services: [EchoService], maxBodyBytes: 10_000 });

const gatewayTarget: Target = {
  name: "gateway_json",
  invariant: "an answer in JSON with a status that is no 500; never a rejection",
  seeds: () => json.map((one) => utf8.encode(one)),
  split: (input) => text.decode(input).split(/(?<=[{}\[\],:"\\])/).map((part) => utf8.encode(part)),
  bend: scratch,
  async run(input) {
    const method = EchoService.methods[0];
    const path = `/${EchoService.typeName}/${method.name}`;
    const response = await gateway.handle(
      new Request(`http://gateway${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: input as BodyInit,
      }),
      path,
    );
    const body = await response.text();
    JSON.parse(body);
    if (response.status === 500) throw new Error(`status 500: ${body}`);
    if (response.status === 200) {
      fromJson(EchoResponseSchema, JSON.parse(body) as JsonValue, { ignoreUnknownFields: true });
    }
  },
};

/** Targets. */
export const PARTS: readonly Target[] = [hpack, envelope, batch, address, gatewayTarget];
