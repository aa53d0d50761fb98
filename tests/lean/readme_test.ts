import assert from "node:assert/strict";
import { Metadata } from "../../src/call/metadata.ts";
import { Status } from "../../src/call/status.ts";
import { clientEffect, Input, serverEffect } from "../../src/lean/format/state.ts";
import {
  concat,
  drain,
  echo,
  hex,
  OK,
  recordedClient,
  type RecordedClientCall,
  recordedServer,
  start,
  utf8,
} from "./harness.ts";

/** A google.rpc.Status with one detail. */
const DETAILS = hex("0805 120d6e6f2073756368206f72646572 1a0b 0a05742f612e42 12020801");
const readme = await Deno.readTextFile(new URL("../../src/lean/README.md", import.meta.url));

/** Bytes of the transcript with this number, one entry per run of lines of one side. */
function transcript(number: number): ["C" | "S", Uint8Array][] {
  const block = [...readme.matchAll(/```transcript\n([^]*?)```/g)][number][1];
  const runs: ["C" | "S", Uint8Array][] = [];
  for (const line of block.trim().split("\n")) {
    const [, side, bytes, times] = /^([CS]) ([0-9a-f ]+?)(?: \*(\d+))? *(?:#.*)?$/.exec(line)!;
    const octets = hex(bytes.repeat(Number(times ?? 1)));
    const last = runs.at(-1);
    if (last?.[0] === side) last[1] = concat(last[1], octets);
    else runs.push([side as "C" | "S", octets]);
  }
  return runs;
}

Deno.test("the first transcript of src/lean/README.md is what client and server send", () => {
  const runs = transcript(0);
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

Deno.test("the second transcript of src/lean/README.md is what client and server send", () => {
  const client = recordedClient();
  const server = recordedServer({ callWindowBytes: 1_024 });
  const failed = () => start(client.engine, "/save");
  let save: RecordedClientCall | undefined;
  let slow: RecordedClientCall | undefined;
  const steps: (() => void)[] = [
    () => {}, // hello
    () => {}, // the server's
    () => {
      save = failed();
      save.call.sendLastMessage(new Uint8Array(1_500).fill(0x61), false);
    },
    () => {}, // CREDIT
    () => {}, // the rest, which the credit allows
    () =>
      server.calls[0].call.sendStatus(
        Status.NOT_FOUND,
        "no such order",
        new Metadata({ "grpc-status-details-bin": DETAILS }),
      ),
    () => {
      slow = start(client.engine, "/slow");
      slow.call.sendLastMessage(new Uint8Array(), false);
      slow.call.cancel();
    },
  ];
  const runs = transcript(1);
  assert.equal(runs.length, steps.length);
  steps.forEach((step, i) => {
    step();
    const [side, bytes] = runs[i];
    const [from, to] = side === "C"
      ? [client.engine, server.engine]
      : [server.engine, client.engine];
    const sent = drain(from);
    assert.equal(sent.toHex(), bytes.toHex());
    to.receive(sent, 0);
  });
  assert.deepEqual(server.calls.map(({ call }) => call.path), ["/save", "/slow"]);
  assert.equal(server.calls[0].messages[0], "a".repeat(1_500));
  assert.deepEqual(server.calls[1].events.slice(0, 2), ["message 0", "half-close"]);
  assert.match(server.calls[1].events[2], /^cancel CANCELLED/);
  assert.equal(save!.status, Status.NOT_FOUND);
  assert.equal(save!.message, "no such order");
  assert.deepEqual(save!.trailers!.get("grpc-status-details-bin"), DETAILS);
  assert.equal(slow!.status, undefined);
});

/** Tables of states: the kinds of frames of each row, and the columns. */
const SERVER_ROWS: Readonly<Record<string, readonly number[]>> = {
  "request, opening request": [Input.WHOLE, Input.OPEN],
  "message, piece, last message or end": [
    Input.MESSAGE,
    Input.PIECE,
    Input.MESSAGE_END,
    Input.END,
  ],
  "CANCEL, CREDIT": [Input.CANCEL, Input.CREDIT],
};
const CLIENT_ROWS: Readonly<Record<string, readonly number[]>> = {
  "whole reply, HEADERS": [Input.WHOLE, Input.HEADERS],
  "message, piece, last message or end, error, CREDIT": [
    Input.MESSAGE,
    Input.PIECE,
    Input.MESSAGE_END,
    Input.END,
    Input.ERROR,
    Input.CREDIT,
  ],
};
const EFFECTS = ["error", "accept", "ignore"];

Deno.test("the tables of states in src/lean/README.md are the engine's", () => {
  const tables = [...readme.matchAll(/\|.*never opened.*\n(?:\|.*\n)+/g)]
    .map(([rows]) => rows.trim().split("\n"))
    .filter(([head]) => head.includes("| ended"));
  assert.equal(tables.length, 2);
  const sides = [[SERVER_ROWS, serverEffect], [CLIENT_ROWS, clientEffect]] as const;
  tables.forEach((rows, side) => {
    const [known, effect] = sides[side];
    const seen: string[] = [];
    for (const row of rows.slice(2)) {
      const [name, ...cells] = row.split("|").slice(1, -1).map((cell) => cell.trim());
      seen.push(name);
      cells.forEach((cell, state) => {
        // A request for an id that was opened before is refused by its id, not by the state of its call.
        for (const input of known[name]) {
          assert.equal(EFFECTS[effect(state, input)], cell, `${name}, state ${state}`);
        }
      });
    }
    assert.deepEqual(seen, Object.keys(known));
  });
});
