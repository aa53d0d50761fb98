import assert from "node:assert/strict";
import { Metadata } from "../../src/call/metadata.ts";
import {
  concat,
  drain,
  echo,
  hex,
  OK,
  recordedClient,
  recordedServer,
  start,
  utf8,
} from "./harness.ts";

const readme = await Deno.readTextFile(new URL("../../src/lean/README.md", import.meta.url));

/** Bytes of the transcript, one entry per run of lines of one side. */
function transcript(): ["C" | "S", Uint8Array][] {
  const block = /```transcript\n([\s\S]*?)```/.exec(readme)![1];
  const runs: ["C" | "S", Uint8Array][] = [];
  for (const line of block.trim().split("\n")) {
    const [, side, bytes] = /^([CS]) ([0-9a-f ]+?) *#/.exec(line)!;
    const last = runs.at(-1);
    if (last?.[0] === side) last[1] = concat(last[1], hex(bytes));
    else runs.push([side as "C" | "S", hex(bytes)]);
  }
  return runs;
}

Deno.test("the transcript of src/lean/README.md is what client and server send", () => {
  const runs = transcript();
  assert.equal(runs.length, 6);
  const client = recordedClient();
  const server = recordedServer({}, echo);
  const steps = [
    () => undefined,
    () => {
      const call = start(client.engine, "/echo", {
        timeoutMs: 500,
        metadata: new Metadata({ k: "v" }),
      });
      call.call.sendLastMessage(utf8("hi"), false);
      return call;
    },
    () => {
      const call = start(client.engine, "/echo");
      call.call.sendLastMessage(utf8("hi"), false);
      return call;
    },
  ];
  steps.forEach((step, i) => {
    const call = step();
    const sent = drain(client.engine);
    assert.deepEqual(sent.toHex(), runs[i * 2][1].toHex());
    server.engine.receive(sent, 0);
    const answered = drain(server.engine);
    assert.deepEqual(answered.toHex(), runs[i * 2 + 1][1].toHex());
    client.engine.receive(answered, 0);
    if (call) assert.equal(call.status, OK);
  });
  assert.equal(server.calls[0].call.timeoutMs, 500);
  assert.equal(server.calls[0].call.metadata.get("k"), "v");
});
