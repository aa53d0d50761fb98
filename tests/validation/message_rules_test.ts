import assert from "node:assert/strict";
import { create, createFileRegistry } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import {
  BookRequestSchema,
  BookResponseSchema,
  OpenRequestSchema,
} from "../../proto/gen/examples/accounts_pb.ts";
import { FieldDescriptorProto_Type } from "@bufbuild/protobuf/wkt";
import { MAX_COLLECTED_VALUES, MessageRules } from "../../src/validation/message_rules.ts";

Deno.test("types have rules if their fields, or messages in them, do", () => {
  const rules = new MessageRules();
  assert.equal(rules.has(OpenRequestSchema), true);
  assert.equal(rules.has(BookRequestSchema), true);
  assert.equal(rules.has(BookResponseSchema), false);
});

Deno.test("a type that contains itself has no rules without any", () => {
  const file = {
    name: "tree.proto",
    syntax: "proto3",
    messageType: [{
      name: "Tree",
      field: [{
        name: "left",
        number: 1,
        type: FieldDescriptorProto_Type.MESSAGE,
        typeName: ".Tree",
      }],
    }],
  };
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] }));
  assert.equal(new MessageRules().has(registry.getMessage("Tree")!), false);
});

Deno.test("all violations of small messages are found, and the first of large ones", () => {
  const rules = new MessageRules();
  const ofUsers = (count: number) =>
    rules.check(
      OpenRequestSchema,
      create(OpenRequestSchema, {
        email: "ada@example.com",
        name: "Ada",
        users: Array.from({ length: count }, () => ({ email: "b@example.com", limitCents: 0 })),
      }),
    );
  assert.equal(ofUsers(0).length, 0);
  assert.equal(ofUsers(3).length, 3);
  assert.equal(ofUsers(6).length, 7);
  assert.equal(ofUsers(MAX_COLLECTED_VALUES).length, 1);
});
