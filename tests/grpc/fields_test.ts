import fc from "fast-check";
import assert from "node:assert/strict";
import { Status } from "../../src/call/status.ts";
import {
  decodeMessage,
  encodeMessage,
  formatTimeout,
  parseTimeout,
} from "../../src/grpc/fields.ts";
import { readFields, RequestFields } from "../../src/grpc/request_fields.ts";
import { HeaderList } from "../../src/hpack/header_list.ts";

/** What a server makes of a request with this path and these fields: their status, or null for a call. */
function statusOf(path: string, ...fields: [string, string][]) {
  const list = new HeaderList();
  for (const [name, value] of fields) list.push(name, value);
  return readFields(new RequestFields(path, "a"), list, 0, ["gzip"]);
}

Deno.test("PROTOCOL-HTTP2.md: a grpc-timeout that is not 1 to 8 digits and a unit ends the call with INTERNAL", () => {
  for (const text of ["1S", "0n", "99999999H"]) {
    assert.equal(statusOf("/a/B", ["grpc-timeout", text]), null, text);
  }
  const wrong = [
    "",
    "S",
    "1",
    "1s",
    "-1S",
    "+1S",
    "1.5S",
    "1e3S",
    " 1S",
    "1SS",
    "123456789S",
    "0x1S",
    "١S",
  ];
  for (const text of wrong) {
    assert.ok(Number.isNaN(parseTimeout(text)), text);
    const refused = statusOf("/a/B", ["grpc-timeout", text]);
    assert.deepEqual([refused?.code, refused?.httpStatus], [Status.INTERNAL, 400], text);
  }
});

Deno.test("a path without its slash, and bytes that are no base64, make no call (CVE-2026-33186)", () => {
  assert.equal(statusOf("a/B")?.code, Status.UNIMPLEMENTED);
  assert.equal(statusOf("")?.code, Status.UNIMPLEMENTED);
  assert.equal(statusOf("/a/B", ["a-bin", "-"])?.code, Status.INTERNAL);
});

Deno.test("grpc-timeout never takes more than 8 digits", () => {
  for (const ms of [100_000, 100_000_000, 100_000_000_000, 3.6e14]) {
    for (const timeoutMs of [ms * (1 - 1e-15), ms * (1 - 1e-12), ms - 0.0001, ms, ms + 0.0001]) {
      const text = formatTimeout(timeoutMs);
      const parsed = parseTimeout(text);
      assert(!Number.isNaN(parsed), `${timeoutMs} ms became ${text}`);
      assert(Math.abs(parsed - timeoutMs) <= timeoutMs / 1000, `${timeoutMs} ms became ${text}`);
    }
  }
});

Deno.test("a deadline of 100 s may lose a rounding error in grpc-timeout", () => {
  // 12345.678 + 100000 - 12345.678 is a little less than 100000.
  assert.equal(parseTimeout(formatTimeout(99_999.99999999999)), 100_000);
});

// RFC 9113 §8.2.1: a field value must not begin or end with a space or a tab.
const FIELD_VALUE = /^(?:[!-~](?:[ -~]*[!-~])?)?$/;

Deno.test("encodeMessage() makes a legal field value of any text, and decodeMessage() undoes it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (text) => {
      const encoded = encodeMessage(text);
      assert.match(encoded, FIELD_VALUE);
      assert.equal(decodeMessage(encoded), text.toWellFormed());
    }),
  );
  for (const text of ["", " ", "  ", "a ", " a", "\ta", "%", "a b", "%41", "é ", "\ud800"]) {
    assert.match(encodeMessage(text), FIELD_VALUE);
    assert.equal(decodeMessage(encodeMessage(text)), text.toWellFormed());
  }
  assert.equal(encodeMessage("missing: "), "missing:%20");
  assert.equal(encodeMessage(" a  b "), "%20a  b%20");
});

Deno.test("encodeMessage() cuts between two characters, and never ends with a space", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(" ", "a", "é", "€", "😀", "%", "\n"), maxLength: 40 }),
      fc.nat(40),
      (text, most) => {
        const encoded = encodeMessage(text, most);
        assert.ok(encoded.length <= most);
        assert.match(encoded, FIELD_VALUE);
        assert.ok(text.startsWith(decodeMessage(encoded)), JSON.stringify([text, encoded]));
      },
    ),
    { numRuns: 2_000 },
  );
  assert.equal(encodeMessage("a".repeat(10_000)).length, 8_192);
  assert.equal(encodeMessage("a".repeat(8_191) + " b"), "a".repeat(8_191));
  assert.equal(encodeMessage("x", -1), "");
});

Deno.test("decodeMessage() reads UTF-8 that a peer did not percent-encode", () => {
  assert.equal(decodeMessage("\u00c3\u00bc"), "ü");
  assert.equal(decodeMessage("100% \u00c3\u00bc %zz"), "100% ü %zz");
});
