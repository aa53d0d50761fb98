/**
 * The text forms of `google.protobuf.Timestamp` (RFC 3339), `Duration` and `FieldMask` in JSON.
 *
 * @module
 */

const DURATION = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/;
const DAY_SECONDS = 86_400;
/** 0001-01-01T00:00:00Z, in seconds since 1970. */
const MIN_SECONDS = -62_135_596_800;
/** 9999-12-31T23:59:59Z. */
const MAX_SECONDS = 253_402_300_799;
/** Limit on a Duration: 10,000 years. */
const MAX_DURATION_SECONDS = 315_576_000_000;

/** A Timestamp or a Duration. */
export interface SecondsAndNanos {
  readonly seconds: number;
  readonly nanos: number;
}

/** Parses a Timestamp; undefined for text that is none, or before the year 1 or after the year 9999. */
export function parseTimestamp(text: string): SecondsAndNanos | undefined {
  const year = 100 * digits(text, 0) + digits(text, 2);
  const [month, day] = [digits(text, 5), digits(text, 8)];
  const [hour, minute, second] = [digits(text, 11), digits(text, 14), digits(text, 17)];
  const separated = text[4] === "-" && text[7] === "-" && text[10] === "T" && text[13] === ":" &&
    text[16] === ":";
  if (!(separated && month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month))) {
    return undefined;
  }
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return undefined;
  const end = text[19] === "." ? fractionEnd(text, 20) : 19;
  const offset = offsetOf(text, end);
  const seconds = daysBefore(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second -
    offset;
  if (end === 20 || !(seconds >= MIN_SECONDS && seconds <= MAX_SECONDS)) return undefined;
  return { seconds, nanos: nanosOf(end === 19 ? undefined : text.slice(20, end)) };
}

/** Returns the number of two digits; NaN for other characters. */
function digits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 0x30;
  const ones = text.charCodeAt(at + 1) - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? 10 * tens + ones : NaN;
}

/** Returns the position after at most nine digits. */
function fractionEnd(text: string, at: number): number {
  const last = at + 9;
  for (; at < last; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return at;
  }
  return at;
}

/** Returns the offset from UTC that ends a Timestamp, in seconds; NaN for other text. */
function offsetOf(text: string, at: number): number {
  const sign = text[at];
  if (sign === "Z") return text.length === at + 1 ? 0 : NaN;
  if ((sign !== "+" && sign !== "-") || text[at + 3] !== ":" || text.length !== at + 6) return NaN;
  const [hours, minutes] = [digits(text, at + 1), digits(text, at + 4)];
  if (!(hours <= 23 && minutes <= 59)) return NaN;
  return (sign === "-" ? -60 : 60) * (60 * hours + minutes);
}

/** Formats a Timestamp; undefined for one out of range. */
export function formatTimestamp(seconds: number, nanos: number): string | undefined {
  if (!(seconds >= MIN_SECONDS && seconds <= MAX_SECONDS && nanos >= 0 && nanos <= 999_999_999)) {
    return undefined;
  }
  const days = Math.floor(seconds / DAY_SECONDS);
  const rest = seconds - days * DAY_SECONDS;
  const [hour, minute, second] = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60, rest % 60];
  return `${dateOf(days)}T${two(hour)}:${two(minute)}:${two(second)}${fraction(nanos)}Z`;
}

/** Parses a Duration; undefined for text that is none, or beyond 10,000 years. */
export function parseDuration(text: string): SecondsAndNanos | undefined {
  const parts = DURATION.exec(text);
  if (parts === null) return undefined;
  const seconds = Number(parts[2]);
  if (seconds > MAX_DURATION_SECONDS) return undefined;
  const nanos = nanosOf(parts[3]);
  // 0 - 0 is 0, but -0 is not.
  return parts[1] === "-" ? { seconds: 0 - seconds, nanos: 0 - nanos } : { seconds, nanos };
}

/** Formats a Duration; undefined for one out of range, or with parts of different signs. */
export function formatDuration(seconds: number, nanos: number): string | undefined {
  if (!(Math.abs(seconds) <= MAX_DURATION_SECONDS && Math.abs(nanos) <= 999_999_999)) {
    return undefined;
  }
  if ((seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0)) return undefined;
  const sign = seconds < 0 || nanos < 0 ? "-" : "";
  return `${sign}${Math.abs(seconds)}${fraction(Math.abs(nanos))}s`;
}

/** Parses a FieldMask; undefined for paths that are not in lowerCamelCase. */
export function parseFieldMask(text: string): string[] | undefined {
  if (text === "") return [];
  if (text.includes("_")) return undefined;
  return text.split(",").map(snakeCase);
}

/** Formats a FieldMask; undefined for a path that would be read as another one. */
export function formatFieldMask(paths: readonly string[]): string | undefined {
  const names = paths.map(camelCase);
  return names.every((name, i) => snakeCase(name) === paths[i]) ? names.join() : undefined;
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function camelCase(name: string): string {
  return name.replace(/_+(.?)/g, (_, next: string) => next.toUpperCase());
}

function nanosOf(digits: string | undefined): number {
  return digits === undefined ? 0 : Number(digits.padEnd(9, "0"));
}

/** Three, six or nine digits with their point; none for 0. */
function fraction(nanos: number): string {
  if (nanos === 0) return "";
  const digits = String(nanos).padStart(9, "0");
  return `.${
    digits.endsWith("000000")
      ? digits.slice(0, 3)
      : digits.endsWith("000")
      ? digits.slice(0, 6)
      : digits
  }`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

function daysOf(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

// Days since 1970 of a date and back, in the Gregorian calendar with years that begin in March, so that the leap day
// comes last; an era has 400 years.
const ERA_DAYS = 146_097;
/** Days from 0000-03-01 to 1970-01-01. */
const EPOCH_DAYS = 719_468;

function daysBefore(year: number, month: number, day: number): number {
  const y = month > 2 ? year : year - 1;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) +
    dayOfYear;
  return era * ERA_DAYS + dayOfEra - EPOCH_DAYS;
}

function dateOf(days: number): string {
  const shifted = days + EPOCH_DAYS;
  const era = Math.floor(shifted / ERA_DAYS);
  const dayOfEra = shifted - era * ERA_DAYS;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra -
    (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`;
}
