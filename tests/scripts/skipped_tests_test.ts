import assert from "node:assert/strict";
import { isBefore, reasonsOf, reasonToSkip } from "../../scripts/skipped_tests.ts";

Deno.test("isBefore() compares versions number by number", () => {
  assert.ok(isBefore("2.6.10", "2.7.14"));
  assert.ok(isBefore("2.7.9", "2.7.14"));
  assert.ok(isBefore("2.7.0+fb4db33", "2.7.14"));
  assert.ok(!isBefore("2.7.14", "2.7.14"));
  assert.ok(!isBefore("2.10.0", "2.9.6"));
  assert.ok(!isBefore("3.0.0", "2.7.14"));
});

Deno.test("tests are skipped on the versions of Deno that cannot run them", () => {
  assert.match(reasonToSkip("2.6.10", "calls: grpc over mtls")!, /node:tls/);
  assert.equal(reasonToSkip("2.9.6", "calls: grpc over mtls"), undefined);
  assert.equal(reasonToSkip("2.6.10", "calls: grpc over tcp"), undefined);
  assert.deepEqual(reasonsOf("2.9.6"), []);
});
