import assert from "node:assert/strict";
import { createFileRegistry } from "@bufbuild/protobuf";
import {
  EmptySchema,
  file_google_protobuf_descriptor,
  file_google_protobuf_empty,
  file_google_protobuf_struct,
  FileDescriptorSetSchema,
  ListValueSchema,
} from "@bufbuild/protobuf/wkt";
import { bytesCodec, serve } from "../../mod.ts";
import { connect, RpcError, Status } from "../../src/browser/mod.ts";
import { file, message, service, typed, TYPES } from "../schema/descriptors.ts";

const DEPENDENCIES = [
  file_google_protobuf_descriptor,
  file_google_protobuf_empty,
  file_google_protobuf_struct,
];

const REGISTRY = createFileRegistry(
  file("replies.proto", {
    dependency: DEPENDENCIES.map(({ proto }) => proto.name),
    messageType: [
      message("Holder", [typed("struct", 1, ".google.protobuf.Struct", { type: TYPES.message })]),
    ],
    service: [service("Replies", {
      Files: [EmptySchema.typeName, FileDescriptorSetSchema.typeName],
      List: [EmptySchema.typeName, ListValueSchema.typeName],
      Hold: [EmptySchema.typeName, "t.Holder"],
    })],
  }),
  (name) => DEPENDENCIES.find(({ proto }) => proto.name === name)?.proto,
);
const SERVICE = REGISTRY.getService("t.Replies")!;

/** Calls a method whose handler answers with `reply`. */
async function call(method: string, reply: Uint8Array): Promise<unknown> {
  await using server = await serve("127.0.0.1:0", (router) => {
    router.method(
      `/t.Replies/${method}`,
      { requestCodec: bytesCodec, responseCodec: bytesCodec },
      () => reply,
    );
  }, { web: true });
  const channel = connect(`http://${server.addresses[0]}`);
  try {
    const client = channel.client(SERVICE) as Record<string, (request: object) => Promise<unknown>>;
    return await client[SERVICE.methods.find(({ name }) => name === method)!.localName]({});
  } finally {
    channel.close();
  }
}

/** `content` as field 1, as often as fits into `bytes`. */
function repeated(content: readonly number[], bytes: number): Uint8Array {
  const one = [0x0a, content.length, ...content];
  const count = Math.floor(bytes / one.length);
  return Uint8Array.from({ length: count * one.length }, (_, i) => one[i % one.length]);
}

const isTooLarge = (error: unknown) =>
  error instanceof RpcError && error.code === Status.RESOURCE_EXHAUSTED &&
  /Cannot decode google\.protobuf\.FileDescriptorSet: .* would take more than/.test(error.message);

Deno.test("a reply whose messages would take far more memory than its bytes is refused", async () => {
  // Two bytes each for empty messages with eight lists.
  await assert.rejects(call("Files", repeated([], 1_000_000)), isTooLarge);
  const reply = await call("Files", repeated([], 100_000)) as { file: unknown[] };
  assert.equal(reply.file.length, 50_000);
});

Deno.test("a message field that occurs again and again takes time in proportion to its bytes", async () => {
  // A Struct of 40,000 entries, then empty ones: by protobuf-es each takes as long as the first.
  const entries = Array.from({ length: 40_000 }, (_, i) => {
    const key = new TextEncoder().encode(String(i).padStart(5, "k"));
    return [0x0a, 11, 0x0a, 5, ...key, 0x12, 2, 8, 0];
  }).flat();
  const length = [
    entries.length & 0x7f | 0x80,
    entries.length >>> 7 & 0x7f | 0x80,
    entries.length >>> 14,
  ];
  const again = repeated([], 10_000);
  const bytes = Uint8Array.from([0x0a, ...length, ...entries, ...again]);
  const startMs = performance.now();
  const { struct } = await call("Hold", bytes) as { struct: object };
  assert.equal(Object.keys(struct).length, 40_000);
  assert.ok(performance.now() - startMs < 2_000, `${performance.now() - startMs} ms`);
});

Deno.test("a reply that is not valid fails the call with INTERNAL", async () => {
  const isInvalid = (error: unknown) =>
    error instanceof RpcError && error.code === Status.INTERNAL &&
    error.message.includes("Cannot decode google.protobuf.ListValue: the 1 bytes are malformed");
  await assert.rejects(call("List", Uint8Array.of(0x0a)), isInvalid);
});
