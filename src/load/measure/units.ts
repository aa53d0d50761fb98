/**
 * Formats and parses numbers with units.
 *
 * @module
 */

/** Formats a whole number with thousands separators: `12,345`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** Formats milliseconds as seconds: `10.234s`. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(3)}s`;
}

/** Formats milliseconds in a fitting unit: `850 ms`, `12.3 s`, `4 min 5 s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${trimmed(ms / 1000, 1)} s`;
  const minutes = Math.floor(ms / 60_000);
  const rest = Math.round((ms - minutes * 60_000) / 1000);
  return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
}

/** Formats microseconds in a fitting unit: `89 μs`, `1.21 ms`, `2.5 s`. */
export function microseconds(us: number): string {
  if (us < 1000) return `${trimmed(us, us < 10 ? 2 : us < 100 ? 1 : 0)} μs`;
  if (us < 1e6) return `${trimmed(us / 1000, us < 1e4 ? 2 : us < 1e5 ? 1 : 0)} ms`;
  return `${trimmed(us / 1e6, 2)} s`;
}

/** Formats bytes in a fitting unit, in powers of 1,000: `640 B`, `1.2 MB`. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let i = 0;
  while (value >= 1000 && i < units.length - 1) {
    value /= 1000;
    i++;
  }
  return `${trimmed(value, i === 0 ? 0 : 1)} ${units[i]}`;
}

const UNITS_MS: Record<string, number> = {
  "ns": 1e-6,
  "us": 1e-3,
  "µs": 1e-3,
  "μs": 1e-3,
  "ms": 1,
  "s": 1000,
  "m": 60_000,
  "h": 3_600_000,
};

/**
 * Parses a duration such as `30s`, `2m`, `1h`, `250ms`, `1m30s` or `1.5` (seconds) into ms; undefined when
 * it is malformed, negative or infinite.
 */
export function parseDurationMs(text: string): number | undefined {
  if (/^(\d+\.?\d*|\.\d+)$/.test(text)) return Number(text) * 1000;
  if (!/^((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, number, unit] of text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    ms += Number(number) * UNITS_MS[unit];
  }
  return ms;
}

function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}
