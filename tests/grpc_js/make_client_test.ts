import assert from "node:assert/strict";
import * as grpc from "../../src/grpc_js/mod.ts";
import { letters } from "./fixtures.ts";

Deno.test("constructors carry the service, and functions the properties of their methods", () => {
  const Client = grpc.makeGenericClientConstructor(letters, "Letters");
  assert.equal(Client.service, letters);
  assert.equal(Client.serviceName, "Letters");
  const { send, Send } = Client.prototype as Record<string, { path: string }>;
  assert.equal(send, Send);
  assert.equal(send.path, "/test.Letters/Send");
  assert.throws(() => grpc.makeClientConstructor({ $a: letters.Send }, "A"), /cannot start with/);
});

Deno.test("package definitions are nested by package, without names that change prototypes", () => {
  const type = { format: "x", type: {}, fileDescriptorProtos: [] };
  const loaded = grpc.loadPackageDefinition({
    "a.b.Letters": letters,
    "a.Type": type,
    "__proto__.polluted": letters,
    "a.constructor.polluted": letters,
  });
  const { b, Type } = loaded.a as grpc.GrpcObject;
  assert.equal(Type, type);
  assert.equal(((b as grpc.GrpcObject).Letters as grpc.ServiceClientConstructor).service, letters);
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});
