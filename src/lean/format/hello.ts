/**
 * The hello: settings that each side sends before it uses anything beyond version 1.
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";
import { HELLO_ROUTE, readU32, writeHeader } from "./frames.ts";

/** Settings of a hello. Unknown ones are ignored. */
export interface HelloSettings {
  /** Setting 1: message bytes accepted per call ahead of credit, 1,024 to 2³¹−1. Default 65,536. */
  callWindowBytes: number;
  /** Setting 2: concurrent calls accepted, 1 to 2³²−1. Default 100. Only a server's value has a meaning. */
  maxCalls: number;
  /** Setting 3: compressions accepted, a bit set; bit 0 is gzip. Default 0. */
  encodings: number;
  /** Setting 4: routes that get a number, 0 to 256. Default 0. Only a server's value has a meaning. */
  maxRoutes: number;
  /** Setting 5: longest value of a frame accepted, in bytes, 16,384 to 2³¹−1. Default 16,384. */
  maxValueBytes: number;
}

/** Settings of a peer whose hello has not arrived. */
export const HELLO_DEFAULTS: Readonly<HelloSettings> = {
  callWindowBytes: 65_536,
  maxCalls: 100,
  encodings: 0,
  maxRoutes: 0,
  maxValueBytes: 16_384,
};

/** Bit of gzip in {@link HelloSettings.encodings}. */
export const ENCODING_GZIP = 1;

/**
 * Sender of a hello. Client and server send different prefixes, so that a version-1 server that echoes requests is not
 * mistaken for one that supports the hello.
 */
export type HelloRole = "client" | "server";

const KEYS = ["callWindowBytes", "maxCalls", "encodings", "maxRoutes", "maxValueBytes"] as const;
const LEAST = [1_024, 1, 0, 0, 16_384] as const;
const MOST = [0x7fffffff, 0xffffffff, 0xffffffff, 256, 0x7fffffff] as const;
const SETTING_BYTES = 5;
const PREFIX_BYTES = 6;
/** Longest value of a hello, in bytes. */
export const MAX_HELLO_BYTES = 1_024;
const MAX_SETTINGS = 32;
/** Setting number that ends the settings; the bytes after it are not settings. */
const END_OF_SETTINGS = 0;
const HELLO_VERSION = 1;

const encoder = new TextEncoder();
const ROUTE = encoder.encode(HELLO_ROUTE);
const PREFIX = { client: encoder.encode("vrpcC"), server: encoder.encode("vrpcS") } as const;

/** Writes a hello frame with id 0. `flags`: REQUEST from a client, RESPONSE from a server. */
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

/** Whether `length` bytes from `at` are the reserved route of the hello. */
export function isHelloRoute(b: Uint8Array, at: number, length: number): boolean {
  if (length !== ROUTE.length) return false;
  for (let i = 0; i < length; i++) if (b[at + i] !== ROUTE[i]) return false;
  return true;
}

/**
 * Reads the value of a hello. Returns undefined if the value is not a hello but the answer of a version-1 peer, and the
 * error text if the hello is malformed.
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
  if (b[at + 5] === 0) return "Cannot use hello version 0: must be at least 1";
  if (length > MAX_HELLO_BYTES) {
    return `Cannot read a hello of ${length} bytes: limit is ${MAX_HELLO_BYTES}`;
  }
  const end = at + length;
  const settings = { ...HELLO_DEFAULTS };
  let count = 0;
  // The bytes after END_OF_SETTINGS are reserved for later versions.
  for (let offset = at + PREFIX_BYTES; offset < end; offset += SETTING_BYTES) {
    if (b[offset] === END_OF_SETTINGS) break;
    if (end - offset < SETTING_BYTES) {
      return `Cannot read a hello of ${length} bytes: its last setting is cut off`;
    }
    if (++count > MAX_SETTINGS) return `Cannot read a hello of more than ${MAX_SETTINGS} settings`;
    const index = b[offset] - 1;
    if (index >= KEYS.length) continue;
    const value = readU32(b, offset + 1);
    if (value < LEAST[index] || value > MOST[index]) {
      return `Cannot use ${KEYS[index]} ${value}: must be ${LEAST[index]} to ${MOST[index]}`;
    }
    settings[KEYS[index]] = value;
  }
  return settings;
}
