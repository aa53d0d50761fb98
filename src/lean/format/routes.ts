/**
 * Route compression: the first routes of a connection are numbered in the order in which they were sent, and are then
 * sent as two bytes.
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";

/** First byte of a type that refers to a route by its number: 0x00, number. No spelled-out route begins with it. */
export const ROUTE_NUMBER = 0x00;

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

/** Decodes the types of requests into routes, on a server. */
export class RouteReader {
  readonly #max: number;
  #routes: string[] | undefined;

  /** Creates a reader that numbers the first `max` routes, as stated in the server's hello. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Decodes the route of a request; undefined when it is malformed or has an unknown number. */
  read(b: Uint8Array, at: number, length: number): string | undefined {
    if (length === 2 && b[at] === ROUTE_NUMBER) return this.#routes?.[b[at + 1]];
    const route = decodeRoute(b, at, length);
    if (route === undefined) return undefined;
    const routes = this.#routes ??= [];
    if (routes.length < this.#max) routes.push(route);
    return route;
  }

  /** Counts the route of a refused request, decoding it only if it gets a number; false when `read` would fail. */
  skip(b: Uint8Array, at: number, length: number): boolean {
    const numbered = length === 2 && b[at] === ROUTE_NUMBER;
    if (numbered || (this.#routes?.length ?? 0) < this.#max) {
      return this.read(b, at, length) !== undefined;
    }
    return length > 0 && b[at] !== ROUTE_NUMBER;
  }
}

/** Decodes a route; undefined when it is empty, not valid UTF-8, or begins with a zero byte. */
export function decodeRoute(b: Uint8Array, at: number, length: number): string | undefined {
  if (length === 0 || b[at] === ROUTE_NUMBER) return undefined;
  try {
    return decoder.decode(b.subarray(at, at + length));
  } catch {
    return undefined;
  }
}

const NUMBERED: readonly Uint8Array[] = Array.from(
  { length: 256 },
  (_, i) => Uint8Array.of(ROUTE_NUMBER, i),
);

// Encoded routes, shared by all connections of a thread; bounded, because a peer or caller may use any number of
// routes.
const encoded = new Map<string, Uint8Array>();
const MAX_ENCODED = 1_024;

/** Encodes a route as UTF-8, with a cache of 1,024 routes. */
export function encodeRoute(route: string): Uint8Array {
  let bytes = encoded.get(route);
  if (bytes === undefined) {
    bytes = encoder.encode(route);
    if (encoded.size >= MAX_ENCODED) encoded.clear();
    encoded.set(route, bytes);
  }
  return bytes;
}

/**
 * Throws TypeError unless a route has 1 to `maxBytes` bytes and the first is not zero. A server closes the connection,
 * and ends all its calls, on an invalid route.
 */
export function checkRoute(route: string, maxBytes: number): void {
  const bytes = encodeRoute(route);
  if (bytes.length > 0 && bytes[0] !== ROUTE_NUMBER && bytes.length <= maxBytes) return;
  const shown = route.length > 200 ? `${route.slice(0, 200)}…` : route;
  throw new TypeError(
    `Cannot call ${
      JSON.stringify(shown)
    }: a route has 1 to ${maxBytes} bytes, the first of them not zero`,
  );
}

/** Encodes routes as the types of requests, on a client, and assigns the same numbers as the server. */
export class RouteWriter {
  #max = 0;
  #numbers: Map<string, Uint8Array> | undefined;
  #sent = 0;

  /**
   * Allows route numbers below `max`, as stated in the server's hello. Routes sent before the hello keep their numbers.
   */
  setMax(max: number): void {
    this.#max = max;
  }

  /**
   * Encodes a route as the type of the next request. The request must then be sent, because the server numbers its
   * route.
   */
  type(route: string): Uint8Array {
    const known = this.#numbers?.get(route);
    // Before the hello, the server assigns numbers, but the client does not know how many.
    if (known !== undefined && known[1] < this.#max) return known;
    // The server numbers every spelled-out route, even one that has a number.
    if (this.#sent < 256) {
      const numbers = this.#numbers ??= new Map();
      if (known === undefined) numbers.set(route, NUMBERED[this.#sent]);
      this.#sent++;
    }
    return encodeRoute(route);
  }
}

/** Writes an encoded route or a number. */
export function writeRoute(out: ByteWriter, route: Uint8Array): void {
  // Two assignments are faster than `set()` for a route number.
  if (route.length === 2) {
    out.buffer[out.length++] = route[0];
    out.buffer[out.length++] = route[1];
  } else {
    out.bytes(route);
  }
}
