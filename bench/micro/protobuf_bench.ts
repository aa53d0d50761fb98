// Deno.bench of flat protobuf messages, by the codec and by protobuf-es alone: `deno bench -A bench/micro/protobuf_bench.ts`.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { compileFlatDecoder } from "../../src/codec/flat_decoder.ts";
import { compileFlatEncoder } from "../../src/codec/flat_encoder.ts";
import { EchoResponseSchema } from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { expectCount } from "../engine_pair.ts";

const MESSAGES = 1000;

const encode = compileFlatEncoder(EchoResponseSchema);
const decode = compileFlatDecoder(EchoResponseSchema);
if (encode === undefined || decode === undefined) throw new Error("EchoResponse is not flat");

for (const length of [64, 16_384]) {
  const init = {
    payload: new Uint8Array(length).fill(7),
    receivedAtNs: 1_764_000_000_000_000_000n,
    sentAtNs: 1_764_000_000_000_001_000n,
  };
  const message = create(EchoResponseSchema, init);
  const bytes = toBinary(EchoResponseSchema, message);
  const size = `payload of ${length} B`;

  const benchEncode = (name: string, one: () => Uint8Array | undefined) =>
    Deno.bench(
      `encode ${MESSAGES} × ${size}, ${name}`,
      { group: `encode, ${size}`, baseline: name === "protobuf-es" },
      () => {
        let written = 0;
        for (let i = 0; i < MESSAGES; i++) written += one()?.length ?? 0;
        expectCount("bytes", written, MESSAGES * bytes.length);
      },
    );
  benchEncode("protobuf-es", () => toBinary(EchoResponseSchema, create(EchoResponseSchema, init)));
  benchEncode("protobuf-es, of a message made before", () => toBinary(EchoResponseSchema, message));
  benchEncode("flat", () => encode(init, false));

  const benchDecode = (name: string, one: () => { payload?: unknown } | undefined) =>
    Deno.bench(
      `decode ${MESSAGES} × ${size}, ${name}`,
      { group: `decode, ${size}`, baseline: name === "protobuf-es" },
      () => {
        let read = 0;
        for (let i = 0; i < MESSAGES; i++) read += (one()?.payload as Uint8Array).length;
        expectCount("bytes", read, MESSAGES * length);
      },
    );
  benchDecode("protobuf-es", () => fromBinary(EchoResponseSchema, bytes));
  benchDecode("flat", () => decode(bytes));
}
