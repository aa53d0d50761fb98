import assert from "node:assert/strict";
import { Metadata } from "../../src/call/metadata.ts";
import {
  appendFields,
  isReservedByConnect,
  isReservedByGrpc,
  metadataOf,
} from "../../src/web/metadata_fields.ts";

Deno.test("metadata becomes fields and fields metadata, without the names that the protocols keep", () => {
  const metadata = new Metadata([["x", "1"], ["x", "2"], ["y-bin", Uint8Array.of(1, 2)]]);
  metadata.set("connect-timeout-ms", "1").set("content-encoding", "br");
  const fields: string[] = [];
  appendFields(fields, metadata, isReservedByConnect, "trailer-");
  assert.deepEqual(fields, ["trailer-x", "1", "trailer-x", "2", "trailer-y-bin", "AQI"]);

  const received = [
    ...["host", "a", "x", "1", "connect-protocol-version", "1", "user-agent", "curl"],
    ...["y-bin", "AQI, AQ==", "grpc-timeout", "1S"],
  ];
  const read = metadataOf(received, isReservedByConnect)!;
  assert.deepEqual(read.toJSON(), {
    x: ["1"],
    "user-agent": ["curl"],
    "y-bin": ["AQI=", "AQ=="],
    "grpc-timeout": ["1S"],
  });
  assert.equal(metadataOf(received, isReservedByGrpc)!.has("grpc-timeout"), false);
});

Deno.test("metadataOf() refuses a -bin value that is not base64", () => {
  assert.equal(metadataOf(["y-bin", "AQI,*"], isReservedByConnect), null);
});
