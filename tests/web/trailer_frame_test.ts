import assert from "node:assert/strict";
import { Metadata } from "../../src/call/metadata.ts";
import { Status } from "../../src/call/status.ts";
import { PREFIX_BYTES, TRAILER_FLAG } from "../../src/web/envelope.ts";
import { parseTrailerFrame, trailerFrame } from "../../src/web/trailer_frame.ts";

const contents = (frame: Uint8Array) => frame.subarray(PREFIX_BYTES);

Deno.test("trailerFrame() writes status, message and trailers as field lines with names in lower case", () => {
  const trailers = new Metadata([["X-A", "1"], ["x-a", "2"], ["b-bin", Uint8Array.of(255)]]);
  trailers.set("grpc-status", "7").set("content-type", "a/b");
  const frame = trailerFrame(Status.NOT_FOUND, "no – way\n", trailers);
  assert.equal(frame[0], TRAILER_FLAG);
  assert.equal(
    new TextDecoder().decode(contents(frame)),
    "grpc-status: 5\r\ngrpc-message: no %E2%80%93 way%0A\r\nx-a: 1\r\nx-a: 2\r\nb-bin: /w\r\n",
  );
  assert.deepEqual(parseTrailerFrame(contents(trailerFrame(Status.OK, ""))), ["grpc-status", "0"]);
});

Deno.test("parseTrailerFrame() accepts lines of foreign servers, and refuses lines without a name", () => {
  const parse = (text: string) => parseTrailerFrame(new TextEncoder().encode(text));
  assert.deepEqual(parse("Grpc-Status:0\nX-B:  a:b \r\n\r\n"), ["grpc-status", "0", "x-b", "a:b"]);
  assert.deepEqual(parse(""), []);
  assert.equal(parse("grpc-status"), null);
  assert.equal(parse(": 5\r\n"), null);
});

Deno.test("parseTrailerFrame() refuses more lines or bytes than a server has reason to send", () => {
  const parse = (text: string) => parseTrailerFrame(new TextEncoder().encode(text));
  assert.equal(parse("a:1\r\n".repeat(1_000))?.length, 2_000);
  assert.equal(parse("a:1\r\n".repeat(1_001)), null);
  assert.equal(parse(`a:${"x".repeat(1024 * 1024)}`), null);
});
