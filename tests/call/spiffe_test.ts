import assert from "node:assert/strict";
import { isTrustDomain, parseSpiffeId, spiffeIdOf } from "../../src/call/spiffe.ts";

Deno.test("parseSpiffeId() takes the IDs of the SPIFFE standard, and no others", () => {
  for (
    const [id, trustDomain] of [
      ["spiffe://example.org", "example.org"],
      ["spiffe://example.org/ns/shop/sa/web", "example.org"],
      ["spiffe://a_b-c.1/A..b/.c", "a_b-c.1"],
    ]
  ) assert.deepEqual(parseSpiffeId(id), { id, trustDomain });
  for (
    const id of [
      "",
      "https://example.org/a",
      "spiffe:///a",
      "spiffe://Example.org/a",
      "spiffe://example.org/",
      "spiffe://example.org//a",
      "spiffe://example.org/a/",
      "spiffe://example.org/./a",
      "spiffe://example.org/a/..",
      "spiffe://example.org/a%20b",
      "spiffe://example.org/a?b",
      "spiffe://user@example.org/a",
      "spiffe://example.org:80/a",
      `spiffe://example.org/${"a".repeat(2048)}`,
    ]
  ) assert.equal(parseSpiffeId(id), undefined, id);
  assert.ok(isTrustDomain("example.org"));
  assert.ok(!isTrustDomain("example.org/a"));
});

Deno.test("spiffeIdOf() takes a certificate's only URI", () => {
  const id = "spiffe://example.org/a";
  assert.equal(spiffeIdOf(["DNS:a", `URI:${id}`])?.id, id);
  assert.equal(spiffeIdOf([`URI:${id}`, "URI:https://example.org"]), undefined);
  assert.equal(spiffeIdOf([`DNS:${id}`]), undefined);
  assert.equal(spiffeIdOf(undefined), undefined);
});
