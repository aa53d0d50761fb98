/** Attacks on the lean wire. */

import { gzipSync } from "node:zlib";
import { ByteWriter } from "../../../src/bytes/writer.ts";
import {
  COMPRESSED,
  Control,
  END,
  FIELDS,
  MORE,
  REQUEST,
  STREAM,
} from "../../../src/lean/format/frames.ts";
import { HELLO_DEFAULTS, writeHello } from "../../../src/lean/format/hello.ts";
import { concat, EMPTY } from "../../fixtures/bytes.ts";
import { sleep } from "../../fixtures/waiting.ts";
import { control, frame, u32 } from "../../lean/harness.ts";
import { type Attack, flood, floodsAfter, keepOn, lying, repeat, wait } from "./attack.ts";
import type { RawConnection } from "./raw_connection.ts";

const ECHO = "/vrpc.echo.v1.EchoService/Echo";
const ALMOST_ECHO = "/vrpc.echo.v1.EchoService/Ecko";
const ECHO_STREAM = "/vrpc.echo.v1.EchoService/EchoStream";
const CALLS_PER_WRITE = 500;
const WAITING_CALLS = 120;
// Two octets that any message type accepts.
const UNKNOWN_FIELD = Uint8Array.of(0x78, 1);
const SMALL = concat(Uint8Array.of(0x0a, 64), new Uint8Array(64));

/** A client's hello. */
export function hello(callWindowBytes = 65_536): Uint8Array {
  const out = new ByteWriter();
  writeHello(out, REQUEST, "client", { ...HELLO_DEFAULTS, callWindowBytes, encodings: 1 });
  return out.view().slice();
}

function many(from: number, make: (id: number) => Uint8Array): Uint8Array {
  return concat(...Array.from({ length: CALLS_PER_WRITE }, (_, i) => make(from + i)));
}

function calls(
  name: string,
  group: string,
  make: (id: number) => Uint8Array,
  more: Partial<Attack> = {},
  opening = hello(),
): Attack {
  return {
    name,
    group,
    wire: "lean",
    async run(connection) {
      if (!await connection.write(opening)) return;
      await keepOn(connection, (round) => many(1 + round * CALLS_PER_WRITE, make));
    },
    ...more,
  };
}

const floodOf = floodsAfter("lean", (connection) => connection.write(hello()));

function inSession(name: string, group: string, bytes: Uint8Array): Attack {
  return {
    name,
    group,
    wire: "lean",
    async run(connection) {
      if (!await connection.write(concat(hello(), frame(REQUEST | STREAM, 1, ECHO_STREAM)))) return;
      await flood(connection, repeat(bytes, 1_000));
    },
  };
}

function once(name: string, group: string, bytes: Uint8Array): Attack {
  return {
    name,
    group,
    wire: "lean",
    async run(connection: RawConnection) {
      if (await connection.write(bytes)) await wait(connection);
    },
  };
}

// Frame header with lengths greater than what follows.
function header(flags: number, id: number, typeBytes: number, valueBytes: number): Uint8Array {
  const bytes = frame(flags, id, EMPTY).slice();
  const view = new DataView(bytes.buffer);
  view.setUint16(10, typeBytes);
  view.setUint32(12, valueBytes);
  return bytes;
}

function gzipBombs(name: string, change: (bomb: Uint8Array) => Uint8Array): Attack {
  return {
    name,
    group: BOMBS,
    wire: "lean",
    async run(connection) {
      if (!await connection.write(hello())) return;
      const bomb = change(gzipSync(new Uint8Array(10_000_000)));
      await keepOn(connection, (round) => frame(REQUEST | COMPRESSED, 1 + round, ECHO, bomb));
    },
  };
}

const RESETS = "resets";
const FLOODS = "floods";
const SLOW = "slow readers";
const BOMBS = "message bombs";
const RULES = "broken rules";

/** All attacks on the lean wire. */
export const LEAN_ATTACKS: readonly Attack[] = [
  calls(
    "calls cancelled at once",
    RESETS,
    (id) => concat(frame(REQUEST | STREAM, id, ECHO_STREAM), control(Control.CANCEL, id)),
    { tls: true },
  ),
  {
    name: "cancels of calls with an answer",
    group: RESETS,
    wire: "lean",
    async run(connection) {
      if (!await connection.write(hello())) return;
      const ids = (round: number) =>
        Array.from({ length: WAITING_CALLS }, (_, i) => 1 + round * WAITING_CALLS + i);
      await keepOn(connection, (round) =>
        concat(
          ...(round === 0 ? [] : ids(round - 1).map((id) => control(Control.CANCEL, id))),
          ...ids(round).map((id) =>
            concat(frame(REQUEST | STREAM, id, ECHO_STREAM), frame(STREAM, id, EMPTY, SMALL))
          ),
        ));
    },
  },
  calls("unknown routes", RESETS, (id) => frame(REQUEST, id, `/no/${id}`, SMALL)),
  calls(
    "unknown routes with near matches",
    RESETS,
    (id) => frame(REQUEST, id, ALMOST_ECHO, SMALL),
  ),
  calls("replies that are never read", SLOW, (id) => frame(REQUEST, id, ECHO, SMALL), {
    reading: false,
  }),
  calls(
    "replies that meet no credit",
    SLOW,
    (id) =>
      frame(REQUEST, id, ECHO, concat(Uint8Array.of(0x0a, 0xb8, 0x17), new Uint8Array(3_000))),
    { tls: true },
    hello(1_024),
  ),
  calls("version 1: replies that are never read", SLOW, (id) => frame(REQUEST, id, ECHO, SMALL), {
    reading: false,
  }, EMPTY),
  calls("calls opened and never ended", SLOW, (id) => frame(REQUEST | STREAM, id, ECHO_STREAM), {
    connections: 30,
  }),
  calls(
    "messages begun and never ended",
    SLOW,
    (id) =>
      concat(
        frame(REQUEST | STREAM, id, ECHO_STREAM),
        frame(STREAM | MORE, id, EMPTY, new Uint8Array(2_000)),
      ),
    { connections: 30 },
  ),
  {
    name: "tiny messages that wait for their handlers",
    group: SLOW,
    wire: "lean",
    async run(connection) {
      // Replies without credit keep the handlers from reading.
      if (!await connection.write(hello(1_024))) return;
      const messages = (id: number) => repeat(frame(STREAM, id, EMPTY, UNKNOWN_FIELD), 8_000);
      for (let id = 1; id <= WAITING_CALLS; id++) {
        const opening = frame(REQUEST | STREAM, id, ECHO_STREAM);
        if (!await connection.write(concat(opening, messages(id)))) return;
      }
      for (let round = 0; round < 3; round++) {
        for (let id = 1; id <= WAITING_CALLS; id++) {
          if (!await connection.write(messages(id))) return;
        }
      }
      await wait(connection);
    },
  },
  {
    name: "requests that inflate and wait",
    group: BOMBS,
    wire: "lean",
    async run(connection) {
      if (!await connection.write(hello(1_024))) return;
      const text = new Uint8Array(4_000_000);
      const bomb = gzipSync(concat(Uint8Array.of(0x0a, 0x80, 0x92, 0xf4, 0x01), text));
      // Those that are refused are followed by others, so that the load lasts.
      for (let id = 1;; id++) {
        const call = concat(
          frame(REQUEST | STREAM, id, ECHO_STREAM),
          frame(STREAM | COMPRESSED, id, EMPTY, bomb),
        );
        if (!await connection.write(call)) return;
      }
    },
  },
  inSession("pieces of one octet", FLOODS, frame(STREAM | MORE, 1, EMPTY, Uint8Array.of(0))),
  inSession("empty messages", FLOODS, frame(STREAM, 1, EMPTY)),
  inSession("credit of 1", FLOODS, control(Control.CREDIT, 1, u32(1))),
  floodOf("pings", FLOODS, control(Control.PING, 0, new Uint8Array(8)), { tls: true }),
  floodOf(
    "pings whose replies are never read",
    FLOODS,
    control(Control.PING, 0, new Uint8Array(8)),
    {
      reading: false,
    },
  ),
  floodOf("pongs", FLOODS, control(Control.PONG, 0, new Uint8Array(8))),
  floodOf("hellos", FLOODS, hello()),
  floodOf("stream frames of no call", FLOODS, frame(STREAM, 77, EMPTY, "x")),
  floodOf("cancels of no call", FLOODS, control(Control.CANCEL, 77)),
  floodOf("unknown control frames", FLOODS, control(200, 1, "x")),
  calls(
    "large metadata",
    "header blocks",
    (id) => {
      const block = new Uint8Array(60_000).fill(1);
      return frame(REQUEST | FIELDS, id, ECHO, concat(Uint8Array.of(0xea, 0x60), block));
    },
  ),
  once("a value of 4 GiB", BOMBS, concat(hello(), header(REQUEST, 1, 4, 0xffffffff))),
  once("version 1: a value of 4 GiB", BOMBS, header(REQUEST, 1, 4, 0xffffffff)),
  once("a route of 64 KiB", BOMBS, concat(hello(), header(REQUEST, 1, 0xffff, 10))),
  gzipBombs("gzip bombs", (bomb) => bomb),
  gzipBombs("gzip bombs with a false size", lying),
  {
    name: "trickling values",
    group: SLOW,
    wire: "lean",
    connections: 50,
    async run(connection) {
      if (!await connection.write(concat(hello(), header(REQUEST, 1, 30, 60_000)))) return;
      while (await connection.write(Uint8Array.of(0))) await sleep(10);
    },
  },
  once("version 0", RULES, concat(hello(), Uint8Array.of(0, ...new Uint8Array(15)))),
  once(
    "an id used twice",
    RULES,
    concat(hello(), repeat(frame(REQUEST | STREAM, 1, ECHO_STREAM), 2)),
  ),
  once(
    "an end after the end",
    RULES,
    concat(
      hello(),
      frame(REQUEST | STREAM, 1, ECHO_STREAM),
      frame(END, 1, EMPTY),
      frame(END, 1, EMPTY),
    ),
  ),
  {
    name: "half a frame",
    group: "silence",
    wire: "lean",
    connections: 300,
    tls: true,
    async run(connection) {
      if (await connection.write(Uint8Array.of(1, 1, 0, 0))) await wait(connection);
    },
  },
];
