/** Names and values of received fields (RFC 9113 §8.2), and what of them becomes metadata. */

import assert from "node:assert/strict";
import { Metadata } from "../../src/call/metadata.ts";
import { Status } from "../../src/call/status.ts";
import { Outcome } from "../grpc/pair.ts";
import { Client } from "./client_peer.ts";
import { GRPC_REQUEST, headers, hello } from "./frames.ts";
import { rstCode, Server } from "./server_peer.ts";

const RESPONSE = [[":status", "200"], ["content-type", "application/grpc"]] as const;
const PROTOCOL_ERROR = 1;

/** Metadata of a request with these fields; undefined when it is refused. */
function requested(...fields: [string, string][]): Metadata | undefined {
  const server = new Server();
  server.send(hello());
  const frames = server.send(headers(1, [...GRPC_REQUEST, ...fields]));
  if (server.calls.length > 0) return server.calls[0].metadata;
  assert.equal(rstCode(frames), PROTOCOL_ERROR);
  assert.equal(server.engine.finished, false);
  return undefined;
}

/** Outcome of a call whose response has these headers and trailers. */
function responded(first: [string, string][], last: [string, string][]): Outcome {
  const client = new Client();
  const outcome = new Outcome();
  client.start(outcome);
  client.send(headers(1, [...RESPONSE, ...first]));
  if (outcome.code === undefined) client.send(headers(1, last, 5));
  assert.equal(client.engine.finished, false);
  return outcome;
}

Deno.test("spaces and tabs at the ends of values are stripped (RFC 9113 §8.2.1)", () => {
  const metadata = requested(["k", "a "], ["k", "\tb"], ["k", " \t "], ["x-bin", " AQI "])!;
  assert.deepEqual(metadata.getAll("k"), ["a", "b", ""]);
  assert.deepEqual(metadata.get("x-bin"), Uint8Array.of(1, 2));
  // A request whose own fields have them is an ordinary call as well.
  assert.deepEqual([...requested(["grpc-timeout", " 1S "], ["content-length", "5\t"])!], []);
});

Deno.test("a status whose text has spaces at its ends arrives with its code, text and metadata", () => {
  for (const code of [Status.NOT_FOUND, Status.UNAVAILABLE]) {
    const outcome = responded([["h", " x "]], [
      ["grpc-status", String(code)],
      ["grpc-message", " missing: "],
      ["t", "y "],
    ]);
    assert.equal(outcome.code, code);
    assert.equal(outcome.statuses[0].message, "missing:");
    assert.equal(outcome.headers?.get("h"), "x");
    assert.equal(outcome.trailers?.get("t"), "y");
  }
});

Deno.test("NUL, CR and LF make a field malformed anywhere, in pseudo-header fields too (RFC 9113 §8.2.1)", () => {
  for (const octet of ["\0", "\r", "\n"]) {
    for (const value of [octet, `a${octet}b`, `${octet}a`, `a${octet}`]) {
      assert.equal(requested(["k", value]), undefined);
      const outcome = responded([], [["grpc-status", "0"], ["k", value]]);
      assert.equal(outcome.code, Status.INTERNAL);
    }
    const server = new Server();
    server.send(hello());
    const request = GRPC_REQUEST.map(([name, value]) =>
      [name, name === ":path" ? `/a${octet}b` : value] as const
    );
    assert.equal(rstCode(server.send(headers(1, request))), PROTOCOL_ERROR);
  }
});

Deno.test("fields of HTTP/1.1 connections make a message malformed (RFC 9113 §8.2.2)", () => {
  for (
    const name of ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]
  ) {
    assert.equal(requested([name, "x"]), undefined);
  }
  const gzip = GRPC_REQUEST.map(([name, value]) => [name, name === "te" ? "gzip" : value] as const);
  const server = new Server();
  server.send(hello());
  assert.equal(rstCode(server.send(headers(1, gzip))), PROTOCOL_ERROR);
});

Deno.test("what HTTP/2 allows and gRPC does not is no metadata, so that metadata can be passed on", () => {
  const metadata = requested(
    ["good", "1"],
    ["token!#$%&'*+^`|~", "x"],
    ["tab", "a\tb"],
    ["latin", "\u00e9"],
    ["control", "a\u0001"],
    ["user-agent", "me/1 (x)"],
    ["x".repeat(300), "long key"],
  )!;
  assert.deepEqual([...metadata], [["good", "1"], ["user-agent", "me/1 (x)"]]);
  assert.deepEqual([...new Metadata([...metadata])], [...metadata]);
  const { trailers } = responded([], [["grpc-status", "5"], ["a", "a\tb"], ["b", "c"]]);
  assert.deepEqual([...trailers!.clone()], [["b", "c"]]);
});

Deno.test("-bin values: with and without padding, empty, joined by commas, several fields", () => {
  const metadata = requested(
    ["a-bin", "AQ=="],
    ["a-bin", "AQ"],
    ["a-bin", ""],
    ["a-bin", "AQI, Aw== ,BA"],
  )!;
  assert.deepEqual(metadata.getAll("a-bin").map((value) => [...value]), [
    [1],
    [1],
    [],
    [1, 2],
    [3],
    [4],
  ]);
});
