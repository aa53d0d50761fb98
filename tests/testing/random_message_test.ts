import assert from "node:assert/strict";
import {
  type DescMessage,
  equals,
  fromBinary,
  fromJson,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import * as wkt from "@bufbuild/protobuf/wkt";
import * as details from "../../proto/gen/google/rpc/error_details_pb.ts";
import * as interop from "../../proto/gen/grpc/testing/testing_pb.ts";
import { randomMessage, seeded } from "../../src/testing/mod.ts";

const schemas = [wkt, details, interop].flatMap((module) => Object.values(module as object))
  .filter((one): one is DescMessage => one?.kind === "message");

Deno.test("random messages of every type survive binary and JSON", () => {
  assert.ok(schemas.length > 40, `${schemas.length}`);
  for (const schema of schemas) {
    for (let seed = 0; seed < 20; seed++) {
      const message = randomMessage(schema, seeded(seed));
      const binary = fromBinary(schema, toBinary(schema, message));
      assert.ok(equals(schema, binary, message), `${schema.typeName}, seed ${seed}`);
      const json = fromJson(schema, toJson(schema, message));
      assert.ok(equals(schema, json, message), `${schema.typeName} as JSON, seed ${seed}`);
    }
  }
});

Deno.test("the same seed gives the same message, another one another", () => {
  const schema = interop.SimpleRequestSchema;
  const of = (seed: number) => toBinary(schema, randomMessage(schema, seeded(seed)));
  assert.deepEqual(of(3), of(3));
  assert.notDeepEqual(of(3), of(4));
});
