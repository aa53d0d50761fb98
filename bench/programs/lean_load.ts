/**
 * Load for a lean server with minimal work: prepared frames, counted replies.
 *
 *     deno run -A bench/programs/lean_load.ts ADDRESS CONNECTIONS IN_FLIGHT SECONDS BYTES
 *
 * Calls bench.Echo/Unary. Prints one line of JSON: {calls, seconds}.
 *
 * @module
 */

import { ByteWriter } from "../../src/bytes/writer.ts";
import { readU32, REQUEST, writeHeader } from "../../src/lean/format/frames.ts";
import { HELLO_DEFAULTS, writeHello } from "../../src/lean/format/hello.ts";
import { encodeRoute } from "../../src/lean/format/routes.ts";
import { dial } from "../../src/transport/mod.ts";

const [address, connections, inFlight, seconds, bytes] = Deno.args;
const ROUTE = encodeRoute("/bench.Echo/Unary");
const NUMBER = Uint8Array.of(0, 0);

/** Encodes a bench.Msg with a payload of `length` bytes. */
function message(length: number): Uint8Array {
  const out = new ByteWriter();
  out.u8(0x0a);
  for (let left = length; left > 0; left >>>= 7) out.u8((left & 127) | (left > 127 ? 128 : 0));
  return new Uint8Array([...out.view(), ...new Uint8Array(length)]);
}

const payload = message(Number(bytes));
const endMs = performance.now() + Number(seconds) * 1000;

/** Keeps `inFlight` calls in flight on one connection; resolves to the number of replies. */
async function connection(): Promise<number> {
  const stream = await dial(address);
  const buffer = new Uint8Array(65_536);
  const out = new ByteWriter();
  let id = 0;
  let answered = 0;
  let held = 0;
  const call = (route: Uint8Array) => {
    writeHeader(out, REQUEST, 0, ++id, route.length, payload.length);
    out.bytes(route);
    out.bytes(payload);
  };
  const flush = async () => {
    for (let sent = 0; sent < out.length;) sent += await stream.write(out.view().subarray(sent));
    out.length = 0;
  };
  writeHello(out, REQUEST, "client", { ...HELLO_DEFAULTS, callWindowBytes: 1_048_576 });
  for (let i = 0; i < Number(inFlight); i++) call(i === 0 ? ROUTE : NUMBER);
  await flush();
  let hello = false;
  while (performance.now() < endMs) {
    const count = await stream.read(buffer.subarray(held));
    if (count === null) throw new Error("the server closed the connection");
    const end = held + count;
    let at = 0;
    while (end - at >= 16) {
      const frame = 16 + ((buffer[at + 10] << 8) | buffer[at + 11]) + readU32(buffer, at + 12);
      if (end - at < frame) break;
      if (hello && buffer[at + 1] !== 2) throw new Error(`flags ${buffer[at + 1]}`);
      if (hello) {
        answered++;
        call(NUMBER);
      }
      hello = true;
      at += frame;
    }
    buffer.copyWithin(0, at, end);
    held = end - at;
    await flush();
  }
  stream.close();
  return answered;
}

const startMs = performance.now();
const answers = await Promise.all(Array.from({ length: Number(connections) }, connection));
console.log(JSON.stringify({
  calls: answers.reduce((sum, one) => sum + one, 0),
  seconds: (performance.now() - startMs) / 1000,
}));
