import assert from "node:assert/strict";
import { Status } from "../../src/call/status.ts";
import { GrpcClientConnection } from "../../src/grpc/client.ts";
import { block, data, frame, settings, windowUpdate } from "../http2/frames.ts";
import { Outcome, request } from "./pair.ts";
import { text } from "../fixtures/bytes.ts";

const END_STREAM = 1;
const END_HEADERS = 4;
const RST_STREAM = 3;

/** A call whose server is the test. */
function called(): { client: GrpcClientConnection; outcome: Outcome } {
  const client = new GrpcClientConnection(
    { onStateChange() {}, onCallEnd() {} },
    { authority: "test" },
    0,
  );
  client.receive(settings(), 0);
  const outcome = new Outcome();
  client.startCall(request("/a.B/C"), outcome).sendLastMessage(new Uint8Array(), false);
  client.out.clear();
  return { client, outcome };
}

const headers = (status: string, contentType: string, flags = END_HEADERS) =>
  frame(1, flags, 1, block([[":status", status], ["content-type", contentType]]));

Deno.test("a response that is not gRPC's is read to its end, and its text is in the status", () => {
  const { client, outcome } = called();
  client.receive(headers("503", "text/html"), 1);
  client.receive(data(1, text("<h1>no backend")), 1);
  assert.equal(outcome.statuses.length, 0);
  client.receive(data(1, text("</h1>\n"), END_STREAM), 1);
  assert.equal(outcome.code, Status.UNAVAILABLE);
  assert.match(outcome.statuses[0].message, /HTTP status 503: <h1>no backend<\/h1>$/);
});

Deno.test("a body that is not text is not shown", () => {
  const { client, outcome } = called();
  client.receive(headers("200", "image/png"), 1);
  client.receive(data(1, [1, 2, 3], END_STREAM), 1);
  assert.equal(outcome.code, Status.UNKNOWN);
  assert.match(outcome.statuses[0].message, /content-type "image\/png", not application\/grpc$/);
});

Deno.test("1,024 bytes of a response that is not gRPC's are read, then the stream is reset", () => {
  const { client, outcome } = called();
  client.receive(headers("404", "text/plain"), 1);
  client.receive(data(1, text("x".repeat(2000))), 1);
  assert.equal(outcome.code, Status.UNIMPLEMENTED);
  assert.ok(outcome.statuses[0].message.endsWith("x".repeat(1024)));
  assert.equal(outcome.statuses[0].message.length < 1100, true);
  assert.equal(client.out.view()[3 + 9 * 0], RST_STREAM);
});

Deno.test("a response without a body ends the call at once", () => {
  const { client, outcome } = called();
  client.receive(headers("401", "text/plain", END_HEADERS | END_STREAM), 1);
  assert.equal(outcome.code, Status.UNAUTHENTICATED);
});

Deno.test("a stream that breaks during such a response keeps its status", () => {
  const { client, outcome } = called();
  client.receive(headers("503", "text/plain"), 1);
  client.receive(windowUpdate(1, 0x7fffffff), 1);
  assert.equal(outcome.code, Status.UNAVAILABLE);
  assert.match(outcome.statuses[0].message, /HTTP status 503$/);
});

Deno.test("a compression that was not offered is INTERNAL on a client", () => {
  const { client, outcome } = called();
  const fields = [
    [":status", "200"],
    ["content-type", "application/grpc"],
    ["grpc-encoding", "foo"],
  ] as const;
  client.receive(frame(1, END_HEADERS, 1, block(fields)), 1);
  client.receive(data(1, [1, 0, 0, 0, 1, 7]), 1);
  assert.equal(outcome.code, Status.INTERNAL);
  assert.match(outcome.statuses[0].message, /Cannot decompress "foo"/);
});
