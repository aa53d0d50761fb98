import assert from "node:assert/strict";
import fc from "fast-check";
import { concat } from "../fixtures/bytes.ts";
import { Client, echo, type Handle, octets } from "./harness.ts";
import { parseWithNode } from "./node_parser.ts";

const RUNS = 20_000;

const token = fc.string({
  unit: fc.constantFrom(..."abcXYZ09-_.!#$%&'*+^`|~"),
  minLength: 1,
  maxLength: 12,
});
const value = fc.string({ unit: fc.constantFrom(...'ab 09\t;,="/\xe9~'), maxLength: 30 });
const FRAMING = /^(?:host|content-length|transfer-encoding|connection|expect|upgrade|trailer|te)$/i;
const field = fc.tuple(token, value).filter(([name]) => !FRAMING.test(name));
const target = fc.string({ unit: fc.constantFrom(..."abc/?=&%20.~:@"), maxLength: 30 }).map((
  rest,
) => `/${rest}`);
const body = fc.uint8Array({ maxLength: 60 });
const chunks = fc.array(
  fc.record({
    data: fc.uint8Array({ minLength: 1, maxLength: 20 }),
    extension: fc.constantFrom("", ";a", ";a=b", ';a="b c"'),
  }),
  { maxLength: 5 },
);

/** A valid request with its body in either framing. */
const request = fc.record({
  method: fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"),
  target,
  fields: fc.array(field, { maxLength: 6 }),
  content: fc.oneof(fc.constant(null), body, chunks),
  trailers: fc.array(field, { maxLength: 2 }),
});

interface Message {
  readonly method: string;
  readonly target: string;
  readonly fields: [string, string][];
  readonly content: Uint8Array | { data: Uint8Array; extension: string }[] | null;
  readonly trailers: [string, string][];
}

function encode({ method, target, fields, content, trailers }: Message): Uint8Array {
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const framing = content === null
    ? ""
    : content instanceof Uint8Array
    ? `Content-Length: ${content.length}\r\n`
    : "Transfer-Encoding: chunked\r\n";
  const head = octets(`${method} ${target} HTTP/1.1\r\nHost: h\r\n${lines}${framing}\r\n`);
  if (content === null || content instanceof Uint8Array) {
    return concat(head, content ?? new Uint8Array());
  }
  const parts = content.map(({ data, extension }) =>
    concat(octets(`${data.length.toString(16)}${extension}\r\n`), data, octets("\r\n"))
  );
  const end = `0\r\n${trailers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
  return concat(head, ...parts, octets(end));
}

/** What a recipient must have understood. */
interface Understood {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly string[];
  readonly body: string;
}

const trim = (text: string) => text.replace(/^[ \t]+|[ \t]+$/g, "");
const latin1 = (bytes: Uint8Array) =>
  Array.from(bytes, (octet) => String.fromCharCode(octet)).join("");

function meaning({ method, target, fields, content }: Message): Understood {
  const all: string[] = ["host", "h"];
  for (const [name, value] of fields) all.push(name.toLowerCase(), trim(value));
  if (content instanceof Uint8Array) all.push("content-length", String(content.length));
  else if (content !== null) all.push("transfer-encoding", "chunked");
  const bytes = content === null
    ? new Uint8Array()
    : content instanceof Uint8Array
    ? content
    : concat(...content.map(({ data }) => data));
  return { method, target, fields: all, body: latin1(bytes) };
}

function understood(client: Client): Understood[] {
  return client.seen.map((seen) => {
    const { method, target, fields } = seen.exchange.head;
    return { method, target, fields, body: latin1(concat(...seen.parts)) };
  });
}

/** Sends `bytes` cut at `cuts`. */
function feed(client: Client, bytes: Uint8Array, cuts: readonly number[]): void {
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    if (cut > from) client.send(bytes.subarray(from, cut));
    from = Math.max(from, cut);
    client.take();
  }
}

Deno.test("valid messages are understood as they were meant, at every cut and byte by byte", () => {
  fc.assert(
    fc.property(fc.array(request, { minLength: 1, maxLength: 3 }), (messages) => {
      const bytes = concat(...messages.map((message) => encode(message as Message)));
      const meant = messages.map((message) => meaning(message as Message));
      const all = Array.from({ length: bytes.length }, (_, i) => i);
      for (const cuts of [[], all, ...all.map((cut) => [cut])]) {
        const client = new Client();
        feed(client, bytes, cuts);
        assert.deepEqual(understood(client), meant);
        assert.equal(client.statuses.length, messages.length);
        assert.equal(client.engine.bufferedBytes, 0);
      }
    }),
    { numRuns: 40, seed: 1 },
  );
});

Deno.test("llhttp, the parser of Node, understands valid messages alike", async (t) => {
  const messages = fc.sample(fc.array(request, { minLength: 1, maxLength: 3 }), {
    numRuns: 500,
    seed: 2,
  });
  const inputs = messages.map((some) => concat(...some.map((one) => encode(one as Message))));
  const parsed = await parseWithNode(inputs);
  await t.step({
    name: parsed === null ? "skipped: node is not installed" : `${inputs.length} inputs`,
    ignore: parsed === null,
    fn() {
      for (const [i, input] of inputs.entries()) {
        const client = new Client();
        feed(client, input, []);
        assert.deepEqual(understood(client), parsed![i], latin1(input));
      }
    },
  });
});

const HABITS: readonly Handle[] = [
  echo,
  (exchange) => exchange.respond(200, [], "ok"),
  () => {},
  (exchange) => {
    exchange.sendHead(200, []);
    exchange.readBody();
    exchange.sendBody(octets("x"));
    exchange.end();
  },
  (exchange, seen) => {
    exchange.sink = {
      ...exchange.sink,
      onBody: (bytes) => {
        seen.parts.push(bytes.slice());
        exchange.pauseBody();
      },
    };
    exchange.readBody();
  },
];

const PIECES = [
  ...[
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: a\r\n",
    "GET / HTTP/1.0\r\n\r\n",
  ],
  ...[
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Expect: 100-continue\r\n",
    "Connection: close\r\n",
  ],
  ...[
    "\r\n",
    "\r",
    "\n",
    " ",
    "\0",
    ":",
    "5\r\nhello\r\n",
    "0\r\n\r\n",
    "5;a=b\r\n",
    "ffffffffffff\r\n",
    "hello",
  ],
  ...["x: y\r\n", " folded\r\n", "HTTP/2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\xff\xfe"],
];

/** Input of pieces that mean something, with octets changed. */
const noise = fc.tuple(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 14 }).map((pieces) => octets(pieces.join(""))),
  fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 }),
).map(([bytes, changes]) => {
  for (const [at, octet] of changes) if (bytes.length > 0) bytes[at % bytes.length] = octet;
  return bytes;
});

Deno.test(`${RUNS} hostile inputs: nothing is thrown, cuts make no difference, nothing is left`, () => {
  fc.assert(
    fc.property(
      noise,
      fc.array(fc.nat(200), { maxLength: 4 }),
      fc.nat(HABITS.length - 1),
      fc.boolean(),
      (bytes, cuts, habit, waits) => {
        const client = new Client(HABITS[habit], { maxHeaderBytes: 1_024, maxBodyBytes: 1_000 });
        let most = 0;
        let from = 0;
        for (const cut of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
          client.send(bytes.subarray(from, cut));
          from = Math.max(from, cut);
          most = Math.max(most, client.engine.bufferedBytes);
          if (waits) client.wait(100);
          client.take();
        }
        assert.ok(most <= bytes.length + 256);
        // The same bytes in one piece are understood alike.
        if (!waits && habit < 2) {
          const whole = new Client(HABITS[habit], { maxHeaderBytes: 1_024, maxBodyBytes: 1_000 });
          whole.send(bytes);
          assert.deepEqual(understood(whole), understood(client));
          whole.take();
          assert.equal(whole.output, client.output);
        }
        client.engine.receiveEnd(client.nowMs);
        client.engine.transportLost("gone", client.nowMs);
        assert.equal(client.engine.finished, true);
        assert.equal(client.engine.activeCalls, 0);
        assert.equal(client.engine.bufferedBytes, 0);
        assert.equal(client.engine.nextTimerMs(), Infinity);
        for (const { exchange } of client.seen) assert.equal(exchange.ended, true);
      },
    ),
    { numRuns: RUNS, seed: 3 },
  );
});
