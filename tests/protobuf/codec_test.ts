import assert from "node:assert/strict";
import {
  create,
  type DescMessage,
  fromBinary,
  isMessage,
  mergeFromBinary,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import fc from "fast-check";
import { decoderOf } from "../../src/protobuf/decoder.ts";
import { encoderOf } from "../../src/protobuf/encoder.ts";
import type { Fields } from "../../src/protobuf/shape.ts";
import { descriptors, initOf } from "./random_schema.ts";

// A run by hand may try more: VRPC_PROTOBUF_RUNS=100000.
const RUNS = Number(Deno.env.get("VRPC_PROTOBUF_RUNS") ?? 150);
const FORMS = [["generated", true], ["by fields", false]] as const;

const cases = descriptors.chain((descriptor) =>
  fc.record({
    descriptor: fc.constant(descriptor),
    init: initOf(descriptor),
    other: initOf(descriptor),
  })
);

/** The bytes by protobuf-es; undefined for what it can't encode either. */
function reference(descriptor: DescMessage, init: Fields): Uint8Array | undefined {
  try {
    return toBinary(descriptor, create(descriptor, init));
  } catch {
    return undefined;
  }
}

for (const [name, generate] of FORMS) {
  Deno.test(`encoderOf() writes what protobuf-es writes, from messages and init shapes: ${name}`, () => {
    fc.assert(
      fc.property(cases, ({ descriptor, init }) => {
        const expected = reference(descriptor, init);
        if (!expected) return;
        const encode = encoderOf(descriptor, generate);
        assert.deepEqual(encode(init, false), expected);
        assert.deepEqual(encode(create(descriptor, init) as unknown as Fields, true), expected);
      }),
      { numRuns: RUNS },
    );
  });

  Deno.test(`decoderOf() makes what protobuf-es makes: ${name}`, () => {
    fc.assert(
      fc.property(cases, fc.nat(40), ({ descriptor, init }, offset) => {
        const bytes = reference(descriptor, init);
        if (!bytes) return;
        const decode = decoderOf(descriptor, generate);
        // Somewhere inside a larger buffer.
        const buffer = new Uint8Array(bytes.length + offset + 10).fill(0x08);
        buffer.set(bytes, offset);
        const message = decode(buffer.subarray(offset, offset + bytes.length));
        const expected = fromBinary(descriptor, bytes);
        assert.deepEqual(message, expected);
        assert.ok(isMessage(message, descriptor));
        assert.equal(Object.getPrototypeOf(message), Object.getPrototypeOf(expected));
        assert.deepEqual(
          encoderOf(descriptor, generate)(message, false),
          toBinary(descriptor, expected),
        );
      }),
      { numRuns: RUNS },
    );
  });

  Deno.test(`decoderOf() merges messages that come one after the other: ${name}`, () => {
    fc.assert(
      fc.property(cases, ({ descriptor, init, other }) => {
        const [first, second] = [reference(descriptor, init), reference(descriptor, other)];
        if (!first || !second) return;
        const expected = mergeFromBinary(descriptor, fromBinary(descriptor, first), second);
        const bytes = new Uint8Array([...first, ...second]);
        assert.deepEqual(decoderOf(descriptor, generate)(bytes), expected as Message);
      }),
      { numRuns: RUNS },
    );
  });
}

function outcome(decode: (bytes: Uint8Array) => Fields, bytes: Uint8Array): Fields | string {
  try {
    return decode(bytes);
  } catch (error) {
    assert.ok(error instanceof Error);
    return error.message;
  }
}

Deno.test("decoderOf() says the same of damaged bytes in both forms, and throws nothing but an Error", () => {
  const damage = fc.array(
    fc.record({
      at: fc.nat(500),
      value: fc.nat(255),
      how: fc.constantFrom("set", "insert", "remove", "cut"),
    }),
    { minLength: 1, maxLength: 3 },
  );
  fc.assert(
    fc.property(cases, damage, ({ descriptor, init }, steps) => {
      const valid = reference(descriptor, init);
      if (!valid || valid.length === 0) return;
      const bytes = [...valid];
      for (const { at, value, how } of steps) {
        const position = at % Math.max(1, bytes.length);
        if (how === "set") bytes[position] = value;
        else if (how === "insert") bytes.splice(position, 0, value);
        else if (how === "remove") bytes.splice(position, 1);
        else bytes.length = position;
      }
      const input = Uint8Array.from(bytes);
      const generated = outcome(decoderOf(descriptor, true), input);
      assert.deepEqual(generated, outcome(decoderOf(descriptor, false), input));
      if (typeof generated === "string") return;
      // What was accepted can be passed on, unknown fields included.
      const again = outcome((message) => fromBytes(descriptor, message), input);
      assert.deepEqual(again, generated);
    }),
    { numRuns: 4 * RUNS },
  );
});

/** Decodes, encodes and decodes again. */
function fromBytes(descriptor: DescMessage, bytes: Uint8Array): Fields {
  const decode = decoderOf(descriptor);
  const message = decode(bytes);
  let encoded: Uint8Array;
  try {
    encoded = encoderOf(descriptor)(message, false);
  } catch (error) {
    // A required field was lost.
    assert.match(String(error), /it is required and not set/);
    return message;
  }
  return decode(encoded);
}
