/** Messages that were on their way when this side ended their call: as much as credit let through is no attack. */

import assert from "node:assert/strict";
import { CLIENT_HELLO, concat, drain, frame, recordedServer } from "./harness.ts";

Deno.test("small late frames within the credit of ended calls are not charged, more are", () => {
  const { engine, calls } = recordedServer({ overheadBurst: 400 });
  engine.receive(concat(CLIENT_HELLO, frame(5, 1, "/a"), frame(5, 2, "/a"), frame(5, 3, "/a")), 0);
  for (const { call } of calls) call.sendStatus(8, "no");
  drain(engine);
  for (const id of [1, 2, 3]) {
    const late = frame(4, id, "", new Uint8Array(16));
    for (let i = 0; i < 8_192; i++) engine.receive(late, 0);
  }
  assert.equal(engine.finished, false);
  for (let i = 0; i < 401; i++) engine.receive(frame(4, 3, "", "x"), 0);
  assert.equal(engine.finished, true);
});
