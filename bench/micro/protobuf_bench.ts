// Deno.bench of protobuf messages, small and nested, by the codec and by protobuf-es: `deno bench -A bench/micro/protobuf_bench.ts`.
import { create, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import { OrderListSchema } from "../../proto/gen/bench/orders_pb.ts";
import { EchoResponseSchema } from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { decoderOf } from "../../src/protobuf/decoder.ts";
import { encoderOf } from "../../src/protobuf/encoder.ts";
import type { Fields } from "../../src/protobuf/shape.ts";
import { orders } from "../orders.ts";

const MESSAGES = 1000;

const payload = (length: number) => ({
  payload: new Uint8Array(length).fill(7),
  receivedAtNs: 1_764_000_000_000_000_000n,
  sentAtNs: 1_764_000_000_000_001_000n,
});
const cases: [name: string, schema: DescMessage, init: Fields][] = [
  ["payload of 64 B", EchoResponseSchema, payload(64)],
  ["payload of 16 KiB", EchoResponseSchema, payload(16_384)],
  ["1 order, 0.3 KB", OrderListSchema, orders(1)],
  ["10 orders, 3 KB", OrderListSchema, orders(10)],
];

for (const [name, schema, init] of cases) {
  const message = create(schema, init);
  const bytes = toBinary(schema, message);
  const bench = (group: string, how: string, one: () => unknown) =>
    Deno.bench(
      `${group} ${MESSAGES} × ${name}, ${how}`,
      { group: `${group}, ${name}`, baseline: how === "protobuf-es" },
      () => {
        for (let i = 0; i < MESSAGES; i++) one();
      },
    );
  bench("encode", "protobuf-es", () => toBinary(schema, message));
  bench("encode", "protobuf-es, from plain objects", () => toBinary(schema, create(schema, init)));
  bench("decode", "protobuf-es", () => fromBinary(schema, bytes));
  for (const [how, generate] of [["generated", true], ["by fields", false]] as const) {
    const encode = encoderOf(schema, generate);
    const decode = decoderOf(schema, generate);
    bench("encode", how, () => encode(message as unknown as Fields, false));
    bench("encode", `${how}, from plain objects`, () => encode(init, false));
    bench("decode", how, () => decode(bytes));
  }
}
