/**
 * The hello: what each side says about itself, before anything beyond version 1 is used.
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";
import { HELLO_ROUTE, readU32, writeHeader } from "./frames.ts";

/** What a side says in its hello. Peers ignore settings they don't know. */
export interface HelloSettings {
  /** Setting 1: bytes of messages it takes per call ahead of credit, 1,024 to 2³¹−1. Default 65,536. */
  callWindowBytes: number;
  /** Setting 2: calls it takes at once. Default 100; meaningful from a server. */
  maxCalls: number;
  /** Setting 3: encodings it takes, a bit set; bit 0 is gzip. Default 0. */
  encodings: number;
  /** Setting 4: routes it keeps numbers for, at most 256. Default 0; meaningful from a server. */
  maxRoutes: number;
  /** Setting 5: the longest value of one frame it takes, 16,384 to 2³¹−1. Default 16,384. */
  maxValueBytes: number;
}

/** What holds for a peer until its hello has come. */
export const HELLO_DEFAULTS: Readonly<HelloSettings> = {
  callWindowBytes: 65_536,
  maxCalls: 100,
  encodings: 0,
  maxRoutes: 0,
  maxValueBytes: 16_384,
};

/** The bit of gzip in {@link HelloSettings.encodings}. */
export const ENCODING_GZIP = 1;

/** Which side says the hello: a server's must not look like the client's own one, echoed. */
export type HelloRole = "client" | "server";

const KEYS = ["callWindowBytes", "maxCalls", "encodings", "maxRoutes", "maxValueBytes"] as const;
const LEAST = [1_024, 1, 0, 0, 16_384] as const;
const MOST = [0x7fffffff, 0xffffffff, 0xffffffff, 256, 0x7fffffff] as const;
const SETTING_BYTES = 5;
const PREFIX_BYTES = 6;
const MAX_SETTINGS = 32;
const HELLO_VERSION = 1;

const encoder = new TextEncoder();
const ROUTE = encoder.encode(HELLO_ROUTE);
const PREFIX = { client: encoder.encode("vrpcC"), server: encoder.encode("vrpcS") } as const;

/** Writes a whole hello frame: `flags` is REQUEST from a client, RESPONSE from a server; its id is 0. */
export function writeHello(
  out: ByteWriter,
  flags: number,
  role: HelloRole,
  settings: HelloSettings,
): void {
  writeHeader(out, flags, 0, 0, ROUTE.length, PREFIX_BYTES + KEYS.length * SETTING_BYTES);
  out.bytes(ROUTE);
  out.bytes(PREFIX[role]);
  out.u8(HELLO_VERSION);
  for (let i = 0; i < KEYS.length; i++) {
    out.u8(i + 1);
    out.u32(settings[KEYS[i]]);
  }
}

/** Whether the bytes from `at` are the reserved route. */
export function isHelloRoute(b: Uint8Array, at: number, length: number): boolean {
  if (length !== ROUTE.length) return false;
  for (let i = 0; i < length; i++) if (b[at + i] !== ROUTE[i]) return false;
  return true;
}

/**
 * Reads a hello's value. Returns undefined when it is no hello at all (a version-1 peer's answer), and a
 * text that says what is wrong when it is a bad one.
 */
export function readHello(
  b: Uint8Array,
  at: number,
  length: number,
  role: HelloRole,
): HelloSettings | string | undefined {
  const prefix = PREFIX[role];
  if (length < PREFIX_BYTES) return undefined;
  for (let i = 0; i < prefix.length; i++) if (b[at + i] !== prefix[i]) return undefined;
  if (b[at + 5] === 0) return "Cannot use hello version 0: the least is 1";
  const count = (length - PREFIX_BYTES) / SETTING_BYTES;
  if (!Number.isInteger(count)) {
    return `Cannot read a hello of ${length} bytes: settings take 5 each`;
  }
  if (count > MAX_SETTINGS) return `Cannot read a hello of ${count} settings: limit is 32`;
  const settings = { ...HELLO_DEFAULTS };
  for (let i = 0; i < count; i++) {
    const offset = at + PREFIX_BYTES + i * SETTING_BYTES;
    const index = b[offset] - 1;
    if (index < 0 || index >= KEYS.length) continue;
    const value = readU32(b, offset + 1);
    if (value < LEAST[index] || value > MOST[index]) {
      return `Cannot use ${KEYS[index]} ${value}: it must be ${LEAST[index]} to ${MOST[index]}`;
    }
    settings[KEYS[index]] = value;
  }
  return settings;
}
