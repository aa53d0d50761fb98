/** Compressed bodies over HTTP/1.1: bombs, and messages of the shortest blocks, which take long to inflate. */

import type { Encoding } from "../../../src/call/encodings.ts";
import { compress } from "../../../src/codec/compression.ts";
import { concat } from "../../fixtures/bytes.ts";
import {
  asGzip,
  asZstd,
  EMPTY_DYNAMIC_BLOCKS,
  repeated,
  SNAPPY_CHUNK,
} from "../../fixtures/short_blocks.ts";
import { type Attack, attacksOn, keepOn } from "./attack.ts";
import { HOST, on } from "./http1_attacks.ts";

const BOMBS = "message bombs";
const SERVICE = "/vrpc.echo.v1.EchoService";
const attack = attacksOn("web");

/** How protocols carry a compressed message: method, media type, field of the encoding, whether there are envelopes. */
const DIALECTS = [
  ["Connect", "Echo", "application/proto", "Content-Encoding", false],
  ["Connect streams", "EchoStream", "application/connect+proto", "Connect-Content-Encoding", true],
  ["gRPC-Web", "Echo", "application/grpc-web+proto", "Grpc-Encoding", true],
] as const;

/** A request after the other with the same message. */
function messages(
  name: string,
  [dialect, method, type, field, enveloped]: typeof DIALECTS[number],
  encoding: Encoding,
  make: () => Uint8Array,
): Attack {
  return attack(`${encoding} ${name}, ${dialect}`, BOMBS, async (connection) => {
    const message = make();
    const envelope = new Uint8Array(enveloped ? 5 : 0);
    if (enveloped) {
      envelope[0] = 1;
      new DataView(envelope.buffer).setUint32(1, message.length);
    }
    const length = envelope.length + message.length;
    const fields =
      `Content-Type: ${type}\r\n${field}: ${encoding}\r\nContent-Length: ${length}\r\n`;
    const head = on(connection, `POST ${SERVICE}/${method} HTTP/1.1\r\n${HOST}${fields}\r\n`);
    const request = concat(head, envelope, message);
    await keepOn(connection, () => request);
  });
}

/** Messages of short blocks by compressions, those that a server accepts unless it lists others. */
const SHORT_BLOCKS: Readonly<Partial<Record<Encoding, () => Uint8Array>>> = {
  gzip: () => asGzip(EMPTY_DYNAMIC_BLOCKS),
  zstd: () => asZstd(Uint8Array.of(0, 0, 0)),
  snappy: () => concat(compress(new Uint8Array(9), "snappy"), repeated(SNAPPY_CHUNK)),
};

/** All attacks with compressed bodies. */
export const INFLATION_ATTACKS: readonly Attack[] = [
  ...(Object.keys(SHORT_BLOCKS) as Encoding[]).flatMap((encoding) => [
    ...DIALECTS.map((dialect) =>
      messages("bombs", dialect, encoding, () => compress(new Uint8Array(10_000_000), encoding))
    ),
    messages("messages of 4 MiB in short blocks", DIALECTS[0], encoding, SHORT_BLOCKS[encoding]!),
  ]),
  // Shorter than the messages whose blocks are counted.
  messages(
    "messages of 32 KiB in short blocks",
    DIALECTS[0],
    "gzip",
    () => asGzip(EMPTY_DYNAMIC_BLOCKS, 32_000),
  ),
];
