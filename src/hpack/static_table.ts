/**
 * Static table (RFC 7541 appendix A), and shared copies of text that gRPC peers often send.
 *
 * @module
 */

/** Number of entries; the indexes of the dynamic table follow (RFC 7541 §2.3.3). */
export const STATIC_COUNT = 61;

const ENTRIES: readonly (readonly [name: string, value: string])[] = [
  ["", ""], // index 0 is not used
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ["accept-language", ""],
  ["accept-ranges", ""],
  ["accept", ""],
  ["access-control-allow-origin", ""],
  ["age", ""],
  ["allow", ""],
  ["authorization", ""],
  ["cache-control", ""],
  ["content-disposition", ""],
  ["content-encoding", ""],
  ["content-language", ""],
  ["content-length", ""],
  ["content-location", ""],
  ["content-range", ""],
  ["content-type", ""],
  ["cookie", ""],
  ["date", ""],
  ["etag", ""],
  ["expect", ""],
  ["expires", ""],
  ["from", ""],
  ["host", ""],
  ["if-match", ""],
  ["if-modified-since", ""],
  ["if-none-match", ""],
  ["if-range", ""],
  ["if-unmodified-since", ""],
  ["last-modified", ""],
  ["link", ""],
  ["location", ""],
  ["max-forwards", ""],
  ["proxy-authenticate", ""],
  ["proxy-authorization", ""],
  ["range", ""],
  ["referer", ""],
  ["refresh", ""],
  ["retry-after", ""],
  ["server", ""],
  ["set-cookie", ""],
  ["strict-transport-security", ""],
  ["transfer-encoding", ""],
  ["user-agent", ""],
  ["vary", ""],
  ["via", ""],
  ["www-authenticate", ""],
];

/** Names by index, 1 to 61. */
export const STATIC_NAMES: readonly string[] = ENTRIES.map((entry) => entry[0]);

/** Values by index, 1 to 61. */
export const STATIC_VALUES: readonly string[] = ENTRIES.map((entry) => entry[1]);

/** Entries of one name in the static table. */
export interface StaticName {
  /** Lowest index with this name. */
  readonly index: number;
  /** By value: index of the entry with this name and value. */
  readonly values: ReadonlyMap<string, number>;
}

/** By name: the static table entries with that name. */
export const STATIC_BY_NAME: ReadonlyMap<string, StaticName> = indexByName();

function indexByName(): Map<string, StaticName> {
  const byName = new Map<string, { index: number; values: Map<string, number> }>();
  for (let index = 1; index <= STATIC_COUNT; index++) {
    const [name, value] = ENTRIES[index];
    const known = byName.get(name) ?? { index, values: new Map<string, number>() };
    known.values.set(value, index);
    byName.set(name, known);
  }
  return byName;
}

// Strings that every gRPC connection receives. A decoder uses the shared copy, which saves memory with thousands of
// connections, and makes comparing it to a literal a comparison of pointers.
const WELL_KNOWN = new Map<string, string>(
  [
    ...STATIC_NAMES,
    "te",
    "trailers",
    "application/grpc",
    "application/grpc+proto",
    "grpc-timeout",
    "grpc-encoding",
    "grpc-accept-encoding",
    "grpc-status",
    "grpc-message",
    "grpc-status-details-bin",
    "grpc-previous-rpc-attempts",
    "grpc-trace-bin",
    "traceparent",
    "tracestate",
    "identity",
    "gzip",
    "identity,gzip",
    "gzip,identity",
    "identity,deflate,gzip",
    "0",
  ].map((text) => [text, text]),
);

/** Returns the shared copy of text that gRPC peers often send, or the text itself. */
export function shared(text: string): string {
  return WELL_KNOWN.get(text) ?? text;
}
