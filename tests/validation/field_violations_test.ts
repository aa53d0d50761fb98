import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { ViolationsSchema } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { packDetail } from "../../mod.ts";
import { BadRequestSchema } from "../../proto/gen/google/rpc/error_details_pb.ts";
import { fieldViolations, isViolationDetail } from "../../src/validation/field_violations.ts";

const violations = packDetail(ViolationsSchema, {
  violations: [
    {
      field: {
        elements: [
          { fieldName: "items", subscript: { case: "index", value: 2n } },
          { fieldName: "labels", subscript: { case: "stringKey", value: 'a"b' } },
        ],
      },
      ruleId: "string.min_len",
      message: "must have at least 1 character",
    },
    {
      field: { elements: [{ fieldName: "flags", subscript: { case: "boolKey", value: false } }] },
      ruleId: "x",
    },
    { message: "the accounts must be different" },
  ],
});
const badRequest = packDetail(BadRequestSchema, {
  fieldViolations: [{ field: "name", description: "is empty" }],
});

Deno.test("paths are those of protovalidate, with index and key", () => {
  assert.deepEqual(fieldViolations({ details: [badRequest, violations] }), [
    {
      field: 'items[2].labels["a\\"b"]',
      description: "must have at least 1 character",
      rule: "string.min_len",
    },
    { field: "flags[false]", description: "x", rule: "x" },
    { field: "", description: "the accounts must be different" },
  ]);
});

Deno.test("without Violations, those of BadRequest", () => {
  assert.deepEqual(fieldViolations({ details: [badRequest] }), [
    { field: "name", description: "is empty" },
  ]);
  assert.deepEqual(fieldViolations({ details: [] }), []);
});

Deno.test("details that cannot be decoded are left out", () => {
  const broken = { ...violations, value: new Uint8Array([0xff]) };
  assert.deepEqual(fieldViolations({ details: [broken, badRequest] }).length, 1);
  const empty = toBinary(ViolationsSchema, create(ViolationsSchema));
  assert.deepEqual(
    fieldViolations({ details: [{ ...violations, value: empty }, badRequest] }).length,
    1,
  );
});

Deno.test("the two types are known by their names", () => {
  assert.deepEqual([violations, badRequest].map(isViolationDetail), [true, true]);
  assert.equal(
    isViolationDetail({ typeUrl: "type.googleapis.com/google.rpc.Help", value: new Uint8Array() }),
    false,
  );
});
