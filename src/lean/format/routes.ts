/**
 * Routes as numbers: the first routes of a connection are numbered in the order they were sent, and from
 * then on two bytes stand for each.
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";

/** A type of two bytes that begins with this is a route's number: 0x00, number. No route begins with it. */
export const ROUTE_NUMBER = 0x00;

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

/** A server's side: turns types into shared strings. */
export class RouteReader {
  readonly #max: number;
  #routes: string[] | undefined;

  /** `max` is what the hello promised. */
  constructor(max: number) {
    this.#max = max;
  }

  /** The route of a request's type, or undefined when the peer broke the rules. */
  read(b: Uint8Array, at: number, length: number): string | undefined {
    if (length === 2 && b[at] === ROUTE_NUMBER) return this.#routes?.[b[at + 1]];
    const route = decodeRoute(b, at, length);
    if (route === undefined) return undefined;
    const routes = this.#routes ??= [];
    if (routes.length < this.#max) routes.push(route);
    return route;
  }

  /** Counts the route of a request that is refused, without reading what gets no number; false as above. */
  skip(b: Uint8Array, at: number, length: number): boolean {
    const numbered = length === 2 && b[at] === ROUTE_NUMBER;
    if (numbered || (this.#routes?.length ?? 0) < this.#max) {
      return this.read(b, at, length) !== undefined;
    }
    return length > 0 && b[at] !== ROUTE_NUMBER;
  }
}

/** The text of a type; undefined when it is empty, not UTF-8, or begins with a zero byte. */
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

// The bytes of routes, shared by all connections of a thread; bounded, because routes may be made up.
const encoded = new Map<string, Uint8Array>();
const MAX_ENCODED = 1_024;

/** The bytes of a route, from a cache. */
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
 * Throws a TypeError for a route that a server can't read: it would hang up over it, and all calls of the
 * connection would end with it.
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

/** A client's side: turns routes into types, numbering as the server does. */
export class RouteWriter {
  #max = 0;
  #numbers: Map<string, Uint8Array> | undefined;
  #sent = 0;

  /** The server's hello says how many it keeps. Routes sent before were counted, as the server did. */
  setMax(max: number): void {
    this.#max = max;
  }

  /** The type that goes out for a route; every call of this must be followed by sending it. */
  type(route: string): Uint8Array {
    const known = this.#numbers?.get(route);
    // Before the hello the server numbers already, but the client can't know how far.
    if (known !== undefined && known[1] < this.#max) return known;
    // The server numbers every spelled-out route, also one that it has numbered before.
    if (this.#sent < 256) {
      const numbers = this.#numbers ??= new Map();
      if (known === undefined) numbers.set(route, NUMBERED[this.#sent]);
      this.#sent++;
    }
    return encodeRoute(route);
  }
}

/** Appends a route's text; returns nothing: its length is known from `encodeRoute`. */
export function writeRoute(out: ByteWriter, route: Uint8Array): void {
  // A loop beats set() for the two bytes of a number.
  if (route.length === 2) {
    out.buffer[out.length++] = route[0];
    out.buffer[out.length++] = route[1];
  } else {
    out.bytes(route);
  }
}
