import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { OpenRequestSchema } from "../../proto/gen/examples/accounts_pb.ts";
import { fieldViolations } from "../../src/validation/field_violations.ts";
import { violationDetails, violationText } from "../../src/validation/rule_details.ts";

function violationsOf(users: number) {
  const message = create(OpenRequestSchema, {
    email: "ada@example.com",
    name: "Ada",
    users: Array.from({ length: users }, () => ({ email: "b@example.com", limitCents: 0 })),
  });
  return createValidator().validate(OpenRequestSchema, message).violations!;
}

Deno.test("the text has the first violation", () => {
  assert.equal(violationText(violationsOf(1)), "users[0].limit_cents: must be greater than 0");
  assert.match(violationText(violationsOf(2)), /^users\[0\].* \(and 1 more\)$/);
});

Deno.test("a long text is cut", () => {
  const [violation] = violationsOf(1);
  violation.message = "x".repeat(10_000);
  assert.equal(violationText([violation]).length, 201);
});

Deno.test("details have both types, with as many violations as fit into 8 KiB of trailers", () => {
  const few = violationDetails(violationsOf(2));
  assert.deepEqual(few.map(({ typeUrl }) => typeUrl), [
    "type.googleapis.com/buf.validate.Violations",
    "type.googleapis.com/google.rpc.BadRequest",
  ]);
  for (const details of [few, [few[0]], [few[1]]]) {
    assert.deepEqual(fieldViolations({ details }).map(({ field }) => field), [
      "users[0].limit_cents",
      "users[1].limit_cents",
    ]);
  }
  const many = violationDetails(violationsOf(300));
  const bytes = many.reduce((sum, { value }) => sum + value.length, 0);
  assert.ok(bytes * 4 / 3 < 8_192 && bytes > 2_000, `${bytes}`);
  assert.ok(fieldViolations({ details: many }).length > 5);
});

Deno.test("a violation that is larger than a detail may be is left out", () => {
  const [violation] = violationsOf(1);
  violation.message = "x".repeat(10_000);
  const [violations, badRequest] = violationDetails([violation]);
  assert.equal(violations.value.length, 0);
  assert.equal(fieldViolations({ details: [violations, badRequest] })[0].description.length, 201);
});
