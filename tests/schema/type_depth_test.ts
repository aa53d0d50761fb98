import assert from "node:assert/strict";
import { create, fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import { depthFault } from "../../src/schema/type_depth.ts";
import { typesOf } from "../../src/schema/types.ts";
import { file, message, service, typed } from "./descriptors.ts";

/** The method of a service whose type nests `depth` types deep. */
function methodOf(depth: number) {
  const types = Array.from({ length: depth }, (_, i) => (
    message(
      `M${i}`,
      i === depth - 1 ? [typed("back", 1, ".t.M0")] : [typed("in", 1, `.t.M${i + 1}`)],
    )
  ));
  const { registry } = typesOf([
    file("a.proto", { messageType: types, service: [service("S", { M: [".t.M0", ".t.M0"] })] }),
  ]);
  return registry.getService("t.S")!.methods[0];
}

Deno.test("types that nest too deep for a compiler that recurs are a fault", () => {
  assert.equal(
    depthFault(methodOf(301)),
    "the types in t.M0 nest deeper than 300",
  );
  const method = methodOf(300);
  assert.equal(depthFault(method), undefined);
  const { input } = method;
  assert.deepEqual(toJson(input, fromBinary(input, toBinary(input, create(input)))), {});
  assert.deepEqual(toJson(input, fromJson(input, { in: {} })), { in: {} });
});
