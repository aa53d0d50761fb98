import assert from "node:assert/strict";
import { Base64TextReader, encodeBase64Text } from "../../src/web/base64_text.ts";

const ascii = (text: string) => new TextEncoder().encode(text);

Deno.test("Base64TextReader joins parts that are padded each on its own, wherever the body is cut", () => {
  const parts = [[1], [2, 3], [4, 5, 6], [], [7, 8, 9, 10]];
  const body = parts.map((part) =>
    new TextDecoder().decode(encodeBase64Text(Uint8Array.from(part)))
  );
  const bytes = ascii(body.join(""));
  for (let cut = 0; cut <= bytes.length; cut++) {
    const reader = new Base64TextReader();
    const decoded = [
      ...reader.decode(bytes, 0, cut) ?? ["?"],
      ...reader.decode(bytes, cut, bytes.length) ?? ["?"],
    ];
    assert.deepEqual(decoded, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert.equal(reader.atEnd, true);
  }
});

Deno.test("Base64TextReader reports what is not base64, and an incomplete group", () => {
  for (const text of ["AB*D", "A===", "AA=A", "AA A", "AAA\n", "=AAA", "AB=="]) {
    const wrong = ascii(text);
    assert.equal(new Base64TextReader().decode(wrong, 0, wrong.length), null, text);
  }
  const reader = new Base64TextReader();
  assert.deepEqual([...reader.decode(ascii("AAAAA"), 0, 5)!], [0, 0, 0]);
  assert.equal(reader.atEnd, false);
});
