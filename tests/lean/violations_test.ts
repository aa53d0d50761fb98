/** The table "Violations" of src/lean/README.md: one case or more per row, whose consequence is read from the table. */

import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { connect, RpcError, serve } from "../../mod.ts";
import { Status } from "../../src/call/status.ts";
import {
  CANCEL,
  CLIENT_HELLO,
  concat,
  control,
  CREDIT,
  drain,
  frame,
  GOODBYE,
  greetedClient,
  greetedServer,
  HEADERS,
  hex,
  parse,
  PING,
  PONG,
  SERVER_HELLO,
  start,
  text,
  u32,
  utf8,
} from "./harness.ts";

/** Frames of one side. */
interface Case {
  /** Legal frames ahead of it. */
  readonly before?: Uint8Array;
  /** The violation. */
  readonly frames: Uint8Array;
}

/** What a client sends to our server; what a server sends to our client, which has opened call 1. */
interface Row {
  readonly client?: Case | readonly Case[];
  readonly server?: Case | readonly Case[];
}

const readme = await Deno.readTextFile(new URL("../../src/lean/README.md", import.meta.url));

/** Rows of the table: what, sent by, consequence. */
const table = /## Violations\n[^]*?\n((?:\|.*\n)+)/.exec(readme)![1].trim().split("\n").slice(2)
  .map((line) => line.split("|").slice(1, 4).map((cell) => cell.trim()));

const repeated = (times: number, frames: Uint8Array) => Array<Uint8Array>(times).fill(frames);
const u8 = (...octets: number[]) => Uint8Array.from(octets);
const ZERO8 = new Uint8Array(8);
const OPEN = frame(0x05, 1, "/x");
const WHOLE = frame(0x01, 1, "/x", "m");
const PART = frame(0x06, 1, "", "m");

const entry = (kind: number, content: Uint8Array) =>
  concat(u8(kind, content.length >> 8, content.length & 255), content);
const pair = (kind: number, key: string, value: string | Uint8Array) =>
  entry(
    kind,
    concat(u8(key.length), utf8(key), typeof value === "string" ? utf8(value) : value),
  );
const block = (...entries: Uint8Array[]) => {
  const all = concat(...entries);
  return concat(u8(all.length >> 8, all.length & 255), all);
};

/** A field block in a request, in a reply, in the end of a reply, and in HEADERS. */
function inFields(...blocks: Uint8Array[]): Row {
  return {
    client: blocks.map((value) => ({ frames: frame(0x21, 1, "/x", value) })),
    server: blocks.flatMap((value) => [
      { frames: frame(0x26, 1, "", value) },
      { frames: frame(0x2a, 1, "", value) },
      { frames: frame(0x22, 1, "", value) },
      { frames: control(HEADERS, 1, value) },
    ]),
  };
}

const both = (frames: Uint8Array): Row => ({
  client: { before: OPEN, frames },
  server: { frames },
});

const ROWS: Readonly<Record<string, Row>> = {
  "version other than 1": both(u8(2)),
  "type longer than `maxRouteBytes`": {
    client: { frames: frame(0x01, 1, "/".repeat(1_025)) },
    server: { frames: frame(0x02, 1, "/".repeat(1_025)) },
  },
  "value longer than `maxValueBytes`": {
    client: { frames: frame(0x01, 1, "/x", new Uint8Array(65_537)) },
    server: { frames: frame(0x02, 1, "", new Uint8Array(65_537)) },
  },
  "flags that the table of frames does not have": {
    client: [0x02, 0x03, 0x10, 0x24, 0x48, 0x88, 0x85, 0x09].map((flags) => ({
      frames: frame(flags, 1, ""),
    })),
    server: [0x01, 0x04, 0x0a | 0x80, 0x12 | 0x80, 0x10, 0x42].map((flags) => ({
      frames: frame(flags, 1, ""),
    })),
  },
  "type on a frame that is no request and no control frame": {
    client: { before: OPEN, frames: frame(0x04, 1, "/x", "m") },
    server: { frames: frame(0x02, 1, "/x", "m") },
  },
  "control frame whose type is not one byte": {
    client: [{ frames: frame(0, 0, "", ZERO8) }, { frames: frame(0, 0, u8(3, 3), ZERO8) }],
    server: [{ frames: frame(0, 0, "", ZERO8) }, { frames: frame(0, 0, u8(3, 3), ZERO8) }],
  },
  "control frame of an unknown kind": {
    client: [{ frames: control(7, 0, "x") }, { frames: control(0, 9) }],
    server: [{ frames: control(7, 0, "x") }, { frames: control(255, 9) }],
  },
  "control frame whose value has another length": {
    client: [
      { frames: control(PING, 0, "1234567") },
      { frames: control(PONG, 0, "123456789") },
      { frames: control(GOODBYE, 0, ZERO8) },
      { before: OPEN, frames: control(CREDIT, 1, "123") },
      { before: OPEN, frames: control(CANCEL, 1, "x") },
    ],
    server: [
      { frames: control(PING, 0, "") },
      { frames: control(CREDIT, 1, "12345") },
    ],
  },
  "PING, PONG or GOODBYE with an id other than 0": {
    client: [
      { before: OPEN, frames: control(PING, 1, ZERO8) },
      { frames: control(PONG, 5, ZERO8) },
      { frames: control(GOODBYE, 1, new Uint8Array(9)) },
    ],
    server: [
      { frames: control(PING, 1, ZERO8) },
      { frames: control(GOODBYE, 1, new Uint8Array(9)) },
    ],
  },
  "CREDIT of 0 bytes, or with id 0": {
    client: [
      { before: OPEN, frames: control(CREDIT, 1, u32(0)) },
      { frames: control(CREDIT, 0, u32(5_000)) },
    ],
    server: [
      { frames: control(CREDIT, 1, u32(0)) },
      { frames: control(CREDIT, 0, u32(5_000)) },
    ],
  },
  "CREDIT beyond 2³¹−1": both(control(CREDIT, 1, u32(0x7fffffff))),
  "CANCEL from a server": { server: { frames: control(CANCEL, 1) } },
  "HEADERS from a client": { client: { before: OPEN, frames: control(HEADERS, 1, block()) } },
  "PONG without a PING": both(control(PONG, 0, ZERO8)),
  "id of a request that is not above all before, or is above 2⁵³−1": {
    client: [
      { before: frame(0x01, 7, "/x"), frames: frame(0x01, 7, "/x") },
      { before: frame(0x01, 7, "/x"), frames: frame(0x05, 6, "/x") },
      { frames: frame(0x01, 2n ** 53n, "/x") },
      { frames: frame(0x01, 0, "/x") },
    ],
  },
  "hello that is not the first frame": { client: { frames: frame(0x01, 0, "vrpc/hello") } },
  "frame of a call that was never opened": {
    client: [
      { before: OPEN, frames: frame(0x04, 2, "", "m") },
      { frames: control(CANCEL, 1) },
      { frames: frame(0x08, 0, "") },
      { before: OPEN, frames: frame(0x04, 0, "", "m") },
    ],
    server: [{ frames: frame(0x02, 2, "", "m") }, { frames: frame(0x02, 0, "", "m") }],
  },
  "frame of an id that was skipped": {
    client: [0x04, 0x08].map((flags) => ({
      before: frame(0x05, 9, "/x"),
      frames: frame(flags, 5, ""),
    })),
  },
  "frame of a call that has ended": {
    client: { before: concat(WHOLE, control(CANCEL, 1)), frames: control(CANCEL, 1) },
    server: {
      before: frame(0x02, 1, "", "m"),
      frames: concat(frame(0x06, 1, "", "m"), frame(0x12, 1, ""), control(HEADERS, 1, block())),
    },
  },
  "message or second end after the end of the stream": {
    client: [
      { before: WHOLE, frames: frame(0x04, 1, "", "m") },
      { before: concat(OPEN, frame(0x08, 1, "")), frames: frame(0x08, 1, "") },
      { before: concat(OPEN, frame(0x0c, 1, "", "m")), frames: frame(0x0c, 1, "", "m") },
    ],
  },
  "HEADERS twice, or after part of the reply": {
    server: [
      { before: control(HEADERS, 1, block()), frames: control(HEADERS, 1, block()) },
      { before: PART, frames: control(HEADERS, 1, block()) },
    ],
  },
  "whole reply after part of one": {
    server: [
      { before: PART, frames: frame(0x02, 1, "", "m") },
      { before: control(HEADERS, 1, block()), frames: frame(0x02, 1, "", "m") },
    ],
  },
  "opening request with a value behind its fields": {
    client: [
      { frames: frame(0x05, 1, "/x", "m") },
      { frames: frame(0x25, 1, "/x", concat(block(), u8(1))) },
    ],
  },
  "end without a message that has a value": {
    client: { before: OPEN, frames: frame(0x08, 1, "", "m") },
    server: { frames: frame(0x0a, 1, "", "m") },
  },
  "end inside a message": {
    client: { before: concat(OPEN, frame(0x44, 1, "", "m")), frames: frame(0x08, 1, "") },
    server: { before: frame(0x46, 1, "", "m"), frames: frame(0x0a, 1, "") },
  },
  "route number that is not assigned": {
    client: [
      { frames: frame(0x01, 1, u8(0, 0)) },
      { before: WHOLE, frames: frame(0x01, 2, u8(0, 1)) },
    ],
  },
  "route that is empty, not UTF-8, or begins with a zero byte": {
    client: [u8(), u8(0xff), u8(0, 0x2f, 0x78)].map((route) => ({ frames: frame(0x01, 1, route) })),
  },
  "call above `maxCalls`": {
    client: {
      before: concat(...Array.from({ length: 128 }, (_, i) => frame(0x05, i + 2, "/x"))),
      frames: frame(0x05, 200, "/x"),
    },
  },
  "empty piece with more to come": {
    client: { before: OPEN, frames: frame(0x44, 1, "") },
    server: { frames: frame(0x46, 1, "") },
  },
  "pieces that disagree on COMPRESSED": {
    client: { before: concat(OPEN, frame(0x44, 1, "", "m")), frames: frame(0x84, 1, "", "m") },
    server: { before: frame(0xc6, 1, "", "m"), frames: frame(0x06, 1, "", "m") },
  },
  "message beyond the credit": {
    client: {
      before: concat(OPEN, ...repeated(3, frame(0x04, 1, "", new Uint8Array(40_000)))),
      frames: frame(0x04, 1, "", new Uint8Array(40_000)),
    },
    server: {
      before: concat(...repeated(3, frame(0x06, 1, "", new Uint8Array(40_000)))),
      frames: frame(0x06, 1, "", new Uint8Array(40_000)),
    },
  },
  "message longer than the receiver accepts, as sent or inflated": {
    client: [
      { frames: frame(0x01, 1, "/x", new Uint8Array(50_001)) },
      { before: OPEN, frames: frame(0x04, 1, "", new Uint8Array(50_001)) },
    ],
    server: [
      { frames: frame(0x02, 1, "", new Uint8Array(50_001)) },
      {
        before: frame(0x46, 1, "", new Uint8Array(50_000)),
        frames: frame(0x06, 1, "", new Uint8Array(1)),
      },
    ],
  },
  "field block or entry that is cut off": inFields(
    u8(0),
    u8(0, 9, 1, 2),
    block(u8(2, 0)),
    block(u8(2, 0, 9, 1)),
  ),
  "metadata key that is empty, forbidden or has other characters": inFields(
    ...["", "Key", "a b", "\u00fc", ":path", "te", "host", "connection", "keep-alive"].map((key) =>
      block(pair(2, key, "v"))
    ),
    ...["proxy-connection", "transfer-encoding", "upgrade"].map((key) => block(pair(3, key, "v"))),
    block(entry(2, u8())),
    block(entry(2, u8(9, 0x61))),
  ),
  "metadata value that is not printable ASCII": inFields(
    block(pair(2, "k", u8(0))),
    block(pair(2, "k", u8(0x61, 0x0a, 0x61))),
    block(pair(2, "k", u8(0x61, 0x09, 0x61))),
    block(pair(3, "k", u8(0xe9))),
    block(pair(3, "k", u8(0x7f))),
  ),
  "space or tab at the end of a metadata value": {
    client: [" v", "v ", "\tv \t"].map((value) => ({
      frames: frame(0x21, 1, "/x", block(pair(2, "k", value))),
    })),
    server: [" v", "v ", "\tv \t"].map((value) => ({
      frames: frame(0x22, 1, "", block(pair(2, "k", value))),
    })),
  },
  "timeout that has not 4 bytes, or a second one": inFields(
    block(entry(1, u8(1))),
    block(entry(1, u32(5)), entry(1, u32(5))),
  ),
  "authority that is empty, not visible ASCII, or a second one": inFields(
    block(entry(4, u8())),
    block(entry(4, utf8("a b"))),
    block(entry(4, utf8("a")), entry(4, utf8("b"))),
  ),
  "entry of an unknown kind": {
    client: { frames: frame(0x21, 1, "/x", block(entry(9, utf8("?")))) },
    server: { frames: frame(0x26, 1, "", block(entry(9, utf8("?")))) },
  },
  "entries beyond `maxHeaderFields` or `maxHeaderListBytes`": inFields(
    block(...Array.from({ length: 129 }, () => pair(2, "k", "v"))),
    block(pair(2, "k", "v".repeat(16_384))),
  ),
  "HEADERS with bytes behind its block": {
    server: { frames: control(HEADERS, 1, concat(block(), u8(1))) },
  },
  "error whose length does not match its text": {
    server: [u8(), u8(5, 0, 0), u8(5, 0, 0, 2, 0x61), u8(5, 0, 0, 0, 0x61)].map((value) => ({
      frames: frame(0x12, 1, "", value),
    })),
  },
  "error with a status other than 1 to 16": {
    server: [0, 17, 200, 255].map((code) => ({ frames: frame(0x12, 1, "", u8(code, 0, 0, 0)) })),
  },
};

/** Rows that need more than the engines, tested below. */
const ABOVE_THE_ENGINES = ["COMPRESSED message that is not gzip"];

const cases = (given: Case | readonly Case[] | undefined): readonly Case[] =>
  given === undefined ? [] : [given].flat() as readonly Case[];

// Texts that reach a peer are for people who do not know the code.
function assertReadable(message: string): void {
  assert.match(message, /^[A-Z].{9,}$/);
  assert.doesNotMatch(message, /\b(?:state|input|effect|kind) \d|undefined|NaN|\[object/i);
}

function assertGoodbye(out: Uint8Array, reason: number): void {
  const last = parse(out).at(-1)!;
  assert.deepEqual([last.flags, last.type, last.value[0]], [0, "\u0005", reason]);
  assertReadable(text(last.value.subarray(9)));
}

function statusOf(consequence: string): number {
  return Status[/^call (\w+)/.exec(consequence)![1] as keyof typeof Status];
}

function fromClient({ before, frames }: Case, consequence: string): void {
  // Paused, so that no credit is returned.
  const made = greetedServer(
    { maxReceiveMessageBytes: 50_000, overheadBurst: 150 },
    ({ call }) => call.setReadPaused(true),
  );
  const { engine, calls } = made;
  if (before !== undefined) engine.receive(before, 0);
  assert.equal(engine.finished, false, "what comes before is legal");
  drain(engine);
  engine.receive(frames.slice(), 0);
  const out = drain(engine);
  const goodbye = /^goodbye (\d)/.exec(consequence);
  if (goodbye !== null) {
    assert.equal(engine.finished, true);
    return assertGoodbye(out, Number(goodbye[1]));
  }
  assert.equal(engine.finished, false, made.notes.join("\n"));
  if (consequence.startsWith("call ")) {
    const error = parse(out).find(({ flags }) => flags === 0x12)!;
    assert.equal(error.value[0], statusOf(consequence));
    assert.equal((error.value[1] & 1) === 1, consequence.endsWith("not processed"));
    assertReadable(text(error.value.subarray(4)));
  } else {
    assert.equal(out.length, 0);
    if (consequence === "stripped") assert.equal(calls[0].call.metadata.get("k"), "v");
  }
  if (consequence.includes("charged")) {
    for (let i = 0; i < 200; i++) engine.receive(frames.slice(), 0);
    assertGoodbye(drain(engine), 4);
  } else if (!consequence.endsWith("not processed")) {
    const known = calls.length;
    engine.receive(frame(0x05, 1_000, "/next"), 0);
    assert.equal(calls.length, known + 1, "the connection goes on");
  }
}

function fromServer({ before, frames }: Case, consequence: string): void {
  const { engine } = greetedClient({ overheadBurst: 150 });
  const call = start(engine, "/x", { requestStreams: true, maxReceiveMessageBytes: 50_000 });
  call.call.setReadPaused(true);
  drain(engine);
  if (before !== undefined) engine.receive(before, 0);
  assert.equal(engine.finished, false, "what comes before is legal");
  drain(engine);
  engine.receive(frames.slice(), 0);
  const out = drain(engine);
  const goodbye = /^goodbye (\d)/.exec(consequence);
  if (goodbye !== null) {
    assert.equal(engine.finished, true);
    return assertGoodbye(out, Number(goodbye[1]));
  }
  assert.equal(engine.finished, false);
  if (consequence.startsWith("call ")) {
    assert.equal(call.status, statusOf(consequence));
    if (call.message !== "") assertReadable(call.message);
    const [{ flags, type }] = parse(frames);
    const goesOn = (flags & 0x1f) === 0x06 || type === "\u0006";
    assert.deepEqual(parse(out).map((f) => f.type), goesOn ? ["\u0001"] : []);
  } else if (consequence === "stripped") {
    assert.equal(call.headers?.get("k"), "v");
  } else {
    assert.equal(out.length, 0);
  }
  if (/charged$/.test(consequence)) {
    for (let i = 0; i < 200; i++) engine.receive(frames.slice(), 0);
    assertGoodbye(drain(engine), 4);
  } else {
    assert.equal(engine.usable, true, "the connection goes on");
  }
}

Deno.test("every row of the table has a case, and every case a row", () => {
  assert.deepEqual(
    table.map(([what]) => what).sort(),
    [...Object.keys(ROWS), ...ABOVE_THE_ENGINES].sort(),
  );
});

for (const [what, sentBy, consequence] of table) {
  if (ABOVE_THE_ENGINES.includes(what)) continue;
  const row = ROWS[what] ?? {};
  Deno.test(`${what}: ${consequence}`, () => {
    assert.equal(cases(row.client).length > 0, sentBy !== "server");
    assert.equal(cases(row.server).length > 0, sentBy !== "client");
    for (const one of cases(row.client)) fromClient(one, consequence);
    for (const one of cases(row.server)) fromServer(one, consequence);
  });
}

Deno.test("the last piece of a message may be empty", () => {
  const { engine, calls } = greetedServer();
  engine.receive(concat(OPEN, frame(0x44, 1, "", "ab"), frame(0x0c, 1, "")), 0);
  assert.deepEqual(calls[0].messages, ["ab"]);
  assert.equal(calls[0].events.at(-1), "half-close");
});

Deno.test("pieces return credit while somebody reads, and wait with it for a paused reader", () => {
  const half = 65_536;
  for (const paused of [false, true]) {
    const { engine, calls } = greetedServer();
    engine.receive(OPEN, 0);
    calls[0].call.setReadPaused(paused);
    engine.receive(frame(0x44, 1, "", new Uint8Array(half)), 0);
    const credit = concat(control(CREDIT, 1, u32(half)));
    assert.equal(drain(engine).toHex(), paused ? "" : credit.toHex());
    calls[0].call.setReadPaused(false);
    assert.equal(drain(engine).toHex(), paused ? credit.toHex() : "");
  }
});

Deno.test("a timeout of 0 is one that has passed, not none", () => {
  const { engine, calls } = greetedServer();
  engine.receive(frame(0x21, 1, "/x", block(entry(1, u32(0)))), 0);
  assert.equal(calls[0].call.timeoutMs, 0);
});

Deno.test("the end of the reply stops a client that still sends", () => {
  const { engine } = greetedClient();
  const call = start(engine, "/x", { requestStreams: true });
  call.call.sendMessage(new Uint8Array(500_000), false);
  drain(engine);
  engine.receive(frame(0x12, 1, "", hex("05 00 0000")), 0);
  assert.equal(call.status, Status.NOT_FOUND);
  assert.equal(engine.bufferedBytes, 0);
  engine.receive(control(CREDIT, 1, u32(500_000)), 0);
  assert.equal(drain(engine).length, 0);
});

Deno.test("a hello may end with anything behind a zero byte", () => {
  const tail = concat(u8(0), utf8("anything at all"));
  for (const version of [1, 2, 255]) {
    const hello = (mark: string) =>
      concat(utf8(mark), u8(version), u8(1), u32(2_048), u8(77), u32(1), tail);
    const server = greetedServer({}, undefined, frame(0x01, 0, "vrpc/hello", hello("vrpcC")));
    server.engine.receive(WHOLE, 0);
    assert.equal(server.calls.length, 1);
    const client = greetedClient({}, frame(0x02, 0, "vrpc/hello", hello("vrpcS")));
    const call = start(client.engine, "/x", { requestStreams: true });
    call.call.sendMessage(new Uint8Array(3_000), false);
    const sent = parse(drain(client.engine)).map(({ value }) => value.length);
    assert.deepEqual(sent, [0, 2_048]);
  }
});

/** Messages flagged COMPRESSED, and what they cost. */
const PACKED: readonly (readonly [Uint8Array, Status])[] = [
  [utf8("this is not gzip"), Status.INTERNAL],
  [new Uint8Array(1), Status.INTERNAL],
  [new Uint8Array(gzipSync(new Uint8Array(4_194_305))), Status.RESOURCE_EXHAUSTED],
];

/** Reads `count` frames. */
async function readFrames(conn: Deno.Conn, count: number) {
  let all = new Uint8Array();
  for (;;) {
    try {
      const frames = parse(all);
      if (frames.length >= count) return frames;
    } catch { /* one is incomplete */ }
    const buffer = new Uint8Array(4_096);
    const length = await conn.read(buffer);
    if (length === null) throw new Error(`the connection ended after ${all.length} bytes`);
    all = new Uint8Array([...all, ...buffer.subarray(0, length)]);
  }
}

Deno.test("a compressed message that is not gzip, or inflates beyond the limit, costs its call: server", async () => {
  await using server = await serve("127.0.0.1:0", (router) => {
    router.method("/x", {}, (request) => request);
  });
  const port = Number(server.addresses[0].split(":").at(-1));
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(CLIENT_HELLO);
  await readFrames(conn, 1);
  let id = 0;
  for (const [message, code] of PACKED) {
    await conn.write(frame(0x81, ++id, "/x", message));
    const [answer] = await readFrames(conn, 1);
    assert.deepEqual([answer.flags, answer.value[0]], [0x12, code]);
  }
  await conn.write(frame(0x01, ++id, "/x", "m"));
  assert.equal((await readFrames(conn, 1))[0].flags, 0x02);
});

Deno.test("a compressed message that is not gzip, or inflates beyond the limit, costs its call: client", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using channel = connect(`127.0.0.1:${listener.addr.port}`, { wire: "lean" });
  const serving = (async () => {
    using conn = await listener.accept();
    await readFrames(conn, 1);
    await conn.write(SERVER_HELLO);
    for (let i = 0; i <= PACKED.length; i++) {
      const [{ id }] = await readFrames(conn, 1);
      await conn.write(frame(i < PACKED.length ? 0x82 : 0x02, id, "", PACKED[i]?.[0] ?? "m"));
    }
    await conn.read(new Uint8Array(1));
  })();
  for (const [, code] of PACKED) {
    const error = await channel.call("/x", utf8("m")).catch((error) => error);
    assert.ok(error instanceof RpcError);
    assert.equal(error.code, code);
  }
  assert.equal(text(await channel.call("/x", utf8("m"))), "m");
  await channel.close();
  await serving;
});
