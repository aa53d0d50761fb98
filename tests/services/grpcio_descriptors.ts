/**
 * Descriptors as the reflection of grpcio 1.x (Python) sends them: without `json_name`. Recorded from a server with the
 * message types of `shop.v1` (proto3, with a map, a oneof, an optional field, recursion and well-known types) and
 * `shop.legacy` (proto2, with a required field, a default, a group and an extension).
 *
 * @module
 */

const recorded = (...lines: string[]) => Uint8Array.fromBase64(lines.join(""));

/** `shop.proto`: service shop.v1.Orders with Echo, Value, Legacy, Watch. */
export const SHOP = recorded(
  "CgpzaG9wLnByb3RvEgdzaG9wLnYxGhlnb29nbGUvcHJvdG9idWYvYW55LnByb3RvGhxnb29nbGUvcHJvdG9idWYvc3",
  "RydWN0LnByb3RvGh5nb29nbGUvcHJvdG9idWYvd3JhcHBlcnMucHJvdG8aDGxlZ2FjeS5wcm90byKsBQoFT3JkZXIS",
  "FAoMb3JkZXJfbnVtYmVyGAEgASgDEhUKDWN1c3RvbWVyX25hbWUYAiABKAkSKwoKbGluZV9pdGVtcxgDIAMoCzIXLn",
  "Nob3AudjEuT3JkZXIuTGluZUl0ZW0SNgoNaXRlbXNfYnlfbmFtZRgEIAMoCzIfLnNob3AudjEuT3JkZXIuSXRlbXNC",
  "eU5hbWVFbnRyeRIqCgpmcmVlX3ZhbHVlGAUgASgLMhYuZ29vZ2xlLnByb3RvYnVmLlZhbHVlEioKCW1vcmVfZGF0YR",
  "gGIAEoCzIXLmdvb2dsZS5wcm90b2J1Zi5TdHJ1Y3QSJwoJYW55X3RoaW5nGAcgASgLMhQuZ29vZ2xlLnByb3RvYnVm",
  "LkFueRIwCgttYXliZV9jb3VudBgIIAEoCzIbLmdvb2dsZS5wcm90b2J1Zi5JbnQ2NFZhbHVlEhcKCnVuaXRfcHJpY2",
  "UYCSABKAFIAYgBARIUCgpjYXJkX3Rva2VuGAogASgJSAASGgoQY2FzaF9vbl9kZWxpdmVyeRgLIAEoCEgAEiQKDHBh",
  "cmVudF9vcmRlchgMIAEoCzIOLnNob3AudjEuT3JkZXISKAoLb3JkZXJfc3RhdGUYDSABKA4yEy5zaG9wLnYxLk9yZG",
  "VyU3RhdGUSIgoIb2xkX3BhcnQYDiABKAsyEC5zaG9wLmxlZ2FjeS5PbGQaSwoQSXRlbXNCeU5hbWVFbnRyeRILCgNr",
  "ZXkYASABKAkSJgoFdmFsdWUYAiABKAsyFy5zaG9wLnYxLk9yZGVyLkxpbmVJdGVtOgI4ARozCghMaW5lSXRlbRISCg",
  "phcnRpY2xlX2lkGAEgASgJEhMKC3BpZWNlX2NvdW50GAIgASgNQg4KDHBheW1lbnRfa2luZEINCgtfdW5pdF9wcmlj",
  "ZSo/CgpPcmRlclN0YXRlEhsKF09SREVSX1NUQVRFX1VOU1BFQ0lGSUVEEAASFAoQT1JERVJfU1RBVEVfUEFJRBABMs",
  "IBCgZPcmRlcnMSJgoERWNobxIOLnNob3AudjEuT3JkZXIaDi5zaG9wLnYxLk9yZGVyEjcKBVZhbHVlEhYuZ29vZ2xl",
  "LnByb3RvYnVmLlZhbHVlGhYuZ29vZ2xlLnByb3RvYnVmLlZhbHVlEiwKBkxlZ2FjeRIQLnNob3AubGVnYWN5Lk9sZB",
  "oQLnNob3AubGVnYWN5Lk9sZBIpCgVXYXRjaBIOLnNob3AudjEuT3JkZXIaDi5zaG9wLnYxLk9yZGVyMAFiBnByb3Rv",
  "Mw==",
);

/** `legacy.proto`, which it imports. */
export const LEGACY = recorded(
  "CgxsZWdhY3kucHJvdG8SC3Nob3AubGVnYWN5IooBCgNPbGQSEQoJbXVzdF9oYXZlGAEgAigFEhkKDHdpdGhfZGVmYX",
  "VsdBgCIAEoCToDYWJjEi0KCXNvbWVncm91cBgDIAMoCjIaLnNob3AubGVnYWN5Lk9sZC5Tb21lR3JvdXAaHwoJU29t",
  "ZUdyb3VwEhIKCmRlZXBfZmllbGQYASABKAkqBQhkEMkBOiQKCmV4dHJhX25vdGUSEC5zaG9wLmxlZ2FjeS5PbGQYZC",
  "ABKAk=",
);
