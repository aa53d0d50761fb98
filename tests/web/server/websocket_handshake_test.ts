import assert from "node:assert/strict";
import { answerHandshake, asksForWebSocket } from "../../../src/web/server/websocket_handshake.ts";

const VALID = [
  ...["sec-websocket-version", "13"],
  ...["sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="],
  ...["sec-websocket-protocol", "chat, vrpc-lean.1"],
];

/** The valid handshake with another value of one field, or without it. */
function changed(name: string, ...values: string[]): string[] {
  const fields = VALID.slice();
  fields.splice(fields.indexOf(name), 2, ...values.flatMap((value) => [name, value]));
  return fields;
}

Deno.test("RFC 6455 §1.3: the key of the example is answered as there", () => {
  assert.deepEqual(answerHandshake(VALID), [
    ...["sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
    ...["sec-websocket-protocol", "vrpc-lean.1"],
  ]);
});

Deno.test("the subprotocol is the first that is known, with a slash or a dot", () => {
  for (
    const [values, expected] of [
      [["vrpc-lean/1"], "vrpc-lean/1"],
      [["vrpc-lean/1, vrpc-lean.1"], "vrpc-lean/1"],
      [["other", "vrpc-lean.1 "], "vrpc-lean.1"],
    ] as const
  ) {
    const answer = answerHandshake(changed("sec-websocket-protocol", ...values));
    assert.ok(Array.isArray(answer));
    assert.equal(answer[3], expected);
  }
});

Deno.test("RFC 6455 §4.2.1: handshakes that are refused", () => {
  const cases: [string[], number][] = [
    [changed("sec-websocket-version"), 426],
    [changed("sec-websocket-version", "8"), 426],
    [changed("sec-websocket-key"), 400],
    [changed("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="), 400],
    [changed("sec-websocket-key", "dGhlIHNhbXBsZQ=="), 400],
    [changed("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZR=="), 400],
    [changed("sec-websocket-key", "not base64 at all!!!!!=="), 400],
    [changed("sec-websocket-protocol"), 400],
    [changed("sec-websocket-protocol", "vrpc-lean"), 400],
    [changed("sec-websocket-protocol", "xvrpc-lean.1"), 400],
  ];
  for (const [fields, status] of cases) {
    const answer = answerHandshake(fields);
    assert.ok("status" in answer, String(fields));
    assert.equal(answer.status, status, String(fields));
    if (status === 426) assert.deepEqual(answer.fields, ["sec-websocket-version", "13"]);
  }
});

Deno.test("RFC 9110 §7.8: which requests ask for a WebSocket", () => {
  const asked = ["upgrade", "WebSocket", "connection", "keep-alive, Upgrade"];
  assert.ok(asksForWebSocket("GET", asked));
  assert.ok(asksForWebSocket("GET", ["upgrade", "h2c, websocket", "connection", "upgrade"]));
  assert.ok(!asksForWebSocket("POST", asked));
  assert.ok(!asksForWebSocket("GET", ["upgrade", "websocket"]));
  assert.ok(!asksForWebSocket("GET", ["upgrade", "h2c", "connection", "upgrade"]));
  assert.ok(!asksForWebSocket("GET", ["connection", "upgrade"]));
});
