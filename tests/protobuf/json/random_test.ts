import assert from "node:assert/strict";
import { create, type DescMessage, fromJson, isMessage, toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { jsonDecoderOf } from "../../../src/protobuf/json/decoder.ts";
import { jsonEncoderOf } from "../../../src/protobuf/json/encoder.ts";
import type { Fields } from "../../../src/protobuf/shape.ts";
import { descriptors, initOf } from "../random_schema.ts";

// A run by hand may try more: VRPC_PROTOBUF_RUNS=100000.
const RUNS = Number(Deno.env.get("VRPC_PROTOBUF_RUNS") ?? 150);
const FORMS = [["generated", true], ["by members", false]] as const;
const utf8 = new TextEncoder();
const text = new TextDecoder();

const cases = descriptors.chain((descriptor) =>
  fc.record({ descriptor: fc.constant(descriptor), init: initOf(descriptor) })
);
const styles = fc.record({
  alwaysEmitImplicit: fc.boolean(),
  enumAsInteger: fc.boolean(),
  useProtoFieldName: fc.boolean(),
});

/** The JSON value by protobuf-es; undefined for what it can't encode either. */
function reference(descriptor: DescMessage, init: Fields, style = {}): unknown {
  try {
    return JSON.parse(JSON.stringify(toJson(descriptor, create(descriptor, init), style)));
  } catch {
    return undefined;
  }
}

for (const [name, generate] of FORMS) {
  Deno.test(`jsonEncoderOf() writes what protobuf-es writes, from messages and init shapes: ${name}`, () => {
    fc.assert(
      fc.property(cases, styles, ({ descriptor, init }, style) => {
        const expected = reference(descriptor, init, style);
        if (expected === undefined) return;
        const encode = jsonEncoderOf(descriptor, style, generate);
        for (const message of [init, create(descriptor, init) as unknown as Fields]) {
          const json = text.decode(encode(message));
          // The sign of -0 is kept, which JSON.stringify loses.
          assert.deepEqual(withoutMinusZero(JSON.parse(json)), expected);
        }
      }),
      { numRuns: RUNS },
    );
  });

  Deno.test(`jsonDecoderOf() makes what protobuf-es makes: ${name}`, () => {
    fc.assert(
      fc.property(cases, styles, ({ descriptor, init }, style) => {
        const json = reference(descriptor, init, style);
        if (json === undefined) return;
        const written = JSON.stringify(json);
        const decode = jsonDecoderOf(descriptor, generate);
        const message = decode(utf8.encode(written), {});
        const expected = fromJson(descriptor, json as never);
        assert.deepEqual(message, expected);
        assert.ok(isMessage(message, descriptor));
        assert.equal(Object.getPrototypeOf(message), Object.getPrototypeOf(expected));
        const spaced = utf8.encode(` \n${JSON.stringify(json, null, "\t\r ")} `);
        assert.deepEqual(decode(spaced, {}), expected);
      }),
      { numRuns: RUNS },
    );
  });
}

function withoutMinusZero(json: unknown): unknown {
  return JSON.parse(JSON.stringify(json));
}

function isJson(written: string): boolean {
  try {
    JSON.parse(written);
    return true;
  } catch {
    return false;
  }
}

function outcome(decode: () => Fields): Fields | string {
  try {
    return decode();
  } catch (error) {
    assert.ok(error instanceof Error);
    return `${error.name}: ${error.message}`;
  }
}

Deno.test("jsonDecoderOf() says the same of damaged JSON in both forms, and nothing else of damaged syntax", () => {
  const parts = fc.constantFrom(
    ...['"', "\\", "{", "}", "[", "]", ",", ":", "null", "true", "1", "-", ".", "e5", " ", "\x01"],
    ...['"f_0":', '"@type":', "\\ud800", "\\u0041", "0", "\xff", '"x"', "9".repeat(20)],
  );
  const damage = fc.array(
    fc.record({ at: fc.nat(500), part: parts, removed: fc.nat(4) }),
    { minLength: 1, maxLength: 3 },
  );
  fc.assert(
    fc.property(cases, damage, fc.boolean(), ({ descriptor, init }, steps, ignoreUnknownFields) => {
      const json = reference(descriptor, init);
      if (json === undefined) return;
      let damaged = JSON.stringify(json);
      for (const { at, part, removed } of steps) {
        const position = at % (damaged.length + 1);
        damaged = damaged.slice(0, position) + part + damaged.slice(position + removed);
      }
      const bytes = utf8.encode(damaged);
      const options = { ignoreUnknownFields };
      const generated = outcome(() => jsonDecoderOf(descriptor, true)(bytes, options));
      assert.deepEqual(
        generated,
        outcome(() => jsonDecoderOf(descriptor, false)(bytes, options)),
      );
      // A syntax error is the error exactly when the text is no JSON at all.
      const isSyntax = typeof generated === "string" && generated.startsWith("SyntaxError");
      assert.equal(isSyntax, !isJson(damaged), `${damaged}: ${String(generated)}`);
    }),
    { numRuns: 4 * RUNS },
  );
});
