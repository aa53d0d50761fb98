/**
 * Constants of HTTP/2 (RFC 9113): frame types, flags, error codes, settings, sizes.
 *
 * @module
 */

/** Frame types, RFC 9113 §6. */
export const FrameType = {
  DATA: 0x0,
  HEADERS: 0x1,
  PRIORITY: 0x2,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
  CONTINUATION: 0x9,
} as const;

/** Frame flags, RFC 9113 §6. */
export const Flag = {
  END_STREAM: 0x1,
  ACK: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20,
} as const;

/** Error codes, RFC 9113 §7. */
export const ErrorCode = {
  NO_ERROR: 0x0,
  PROTOCOL_ERROR: 0x1,
  INTERNAL_ERROR: 0x2,
  FLOW_CONTROL_ERROR: 0x3,
  SETTINGS_TIMEOUT: 0x4,
  STREAM_CLOSED: 0x5,
  FRAME_SIZE_ERROR: 0x6,
  REFUSED_STREAM: 0x7,
  CANCEL: 0x8,
  COMPRESSION_ERROR: 0x9,
  CONNECT_ERROR: 0xa,
  ENHANCE_YOUR_CALM: 0xb,
  INADEQUATE_SECURITY: 0xc,
  HTTP_1_1_REQUIRED: 0xd,
} as const;

const ERROR_NAMES = Object.keys(ErrorCode);

/** Name of an error code, for example `ENHANCE_YOUR_CALM`; `0x1f` for one without a name. */
export function errorCodeName(code: number): string {
  return ERROR_NAMES[code] ?? `0x${code.toString(16)}`;
}

/** Identifiers of settings, RFC 9113 §6.5.2. */
export const SettingId = {
  HEADER_TABLE_SIZE: 0x1,
  ENABLE_PUSH: 0x2,
  MAX_CONCURRENT_STREAMS: 0x3,
  INITIAL_WINDOW_SIZE: 0x4,
  MAX_FRAME_SIZE: 0x5,
  MAX_HEADER_LIST_SIZE: 0x6,
} as const;

/** Connection preface, the first bytes that a client sends, RFC 9113 §3.4. */
export const PREFACE: Uint8Array = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Length of a frame header in octets, RFC 9113 §4.1. */
export const FRAME_HEADER_BYTES = 9;

/** Largest flow-control window in octets, RFC 9113 §6.9.1. */
export const MAX_WINDOW_BYTES = 0x7fffffff;

/** Initial flow-control window of connections and streams in octets, RFC 9113 §6.9.2. */
export const DEFAULT_WINDOW_BYTES = 65_535;

/** Default of SETTINGS_HEADER_TABLE_SIZE in bytes, RFC 9113 §6.5.2. */
export const DEFAULT_HEADER_TABLE_BYTES = 4_096;

/** Debug data of the GOAWAY that a server sends when a client pings too often (gRPC A8). */
export const TOO_MANY_PINGS = "too_many_pings";

/** Smallest and default value of SETTINGS_MAX_FRAME_SIZE in octets, RFC 9113 §6.5.2. */
export const DEFAULT_FRAME_BYTES = 16_384;

/** Largest value of SETTINGS_MAX_FRAME_SIZE in octets, RFC 9113 §6.5.2. */
export const MAX_FRAME_BYTES = 16_777_215;

/**
 * Shortest DATA frame that is not charged as overhead, in octets: gRPC's smallest message is a 5-byte prefix alone.
 * Shorter frames result from tiny window grants.
 */
export const USEFUL_DATA_BYTES = 5;
