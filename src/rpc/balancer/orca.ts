/**
 * Load reports of servers: `xds.data.orca.v3.OrcaLoadReport` (gRPC A51), in protobuf's binary format.
 *
 * @module
 */

/** Trailer of a call that has the load of its server. */
export const ORCA_TRAILER = "endpoint-load-metrics-bin";
/** Method that streams the load of a server. */
export const ORCA_STREAM = "/xds.service.orca.v3.OpenRcaService/StreamCoreMetrics";

/** Load of a server, as it reports it. */
export interface LoadReport {
  /** Share of the processors that are busy, 0 or more; may be above 1. Default 0. */
  readonly cpuUtilization?: number;
  /** Share of the memory in use, 0 to 1. Default 0. */
  readonly memoryUtilization?: number;
  /** Share of the capacity in use as the application knows it, 0 or more. Default 0. */
  readonly applicationUtilization?: number;
  /** Calls per second. Default 0. */
  readonly requestsPerSecond?: number;
  /** Failed calls per second. Default 0. */
  readonly errorsPerSecond?: number;
}

/** Numbers of the fields of type double. */
const FIELDS: readonly (readonly [number, keyof LoadReport])[] = [
  [1, "cpuUtilization"],
  [2, "memoryUtilization"],
  [6, "requestsPerSecond"],
  [7, "errorsPerSecond"],
  [9, "applicationUtilization"],
];

/** Encodes a report. */
export function encodeLoadReport(report: LoadReport): Uint8Array {
  const used = FIELDS.filter(([, name]) => (report[name] ?? 0) !== 0);
  const bytes = new Uint8Array(used.length * 9);
  const view = new DataView(bytes.buffer);
  for (const [i, [field, name]] of used.entries()) {
    bytes[9 * i] = (field << 3) | 1;
    view.setFloat64(9 * i + 1, report[name]!, true);
  }
  return bytes;
}

/** Decodes a report; undefined if it is not a valid message. Negative numbers and those that are none count as 0. */
export function decodeLoadReport(bytes: Uint8Array): LoadReport | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const report: { -readonly [name in keyof LoadReport]: LoadReport[name] } = {};
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 64; shift += 7) {
      if (at >= bytes.length) return NaN;
      const byte = bytes[at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return NaN;
  };
  while (at < bytes.length) {
    const tag = varint();
    const type = tag % 8;
    const field = Math.floor(tag / 8);
    if (type === 1 && at + 8 <= bytes.length) {
      const name = FIELDS.find(([number]) => number === field)?.[1];
      const value = view.getFloat64(at, true);
      if (name !== undefined) report[name] = value > 0 && value < Infinity ? value : 0;
      at += 8;
    } else if (type === 0) {
      if (Number.isNaN(varint())) return undefined;
    } else if (type === 2) {
      const length = varint();
      at += length;
    } else if (type === 5) {
      at += 4;
    } else {
      return undefined;
    }
    if (!(at <= bytes.length)) return undefined;
  }
  return report;
}

/** Encodes `OrcaLoadReportRequest { google.protobuf.Duration report_interval = 1; }`. */
export function encodeLoadReportRequest(intervalMs: number): Uint8Array {
  const duration: number[] = [];
  const seconds = Math.floor(intervalMs / 1_000);
  const nanos = Math.round((intervalMs - seconds * 1_000) * 1e6);
  for (const [field, value] of [[1, seconds], [2, nanos]]) {
    if (value === 0) continue;
    duration.push(field << 3);
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) duration.push((rest % 0x80) | 0x80);
    duration.push(rest);
  }
  return new Uint8Array([0x0a, duration.length, ...duration]);
}

/** Decodes the interval of an `OrcaLoadReportRequest`, in ms; 0 without one or if the message is not valid. */
export function decodeReportInterval(bytes: Uint8Array): number {
  if (bytes[0] !== 0x0a || bytes[1] !== bytes.length - 2) return 0;
  let ms = 0;
  for (let at = 2; at < bytes.length;) {
    const field = bytes[at++];
    let value = 0;
    for (let factor = 1;; factor *= 0x80) {
      if (at >= bytes.length || factor > 2 ** 42) return 0;
      const byte = bytes[at++];
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
    }
    if (field === 0x08) ms += value * 1_000;
    else if (field === 0x10) ms += value / 1e6;
    else return 0;
  }
  return ms;
}
