/**
 * Codes of Deno's errors.
 *
 * @module
 */

// By name: some of Deno's errors have no code, and node:fs throws those for missing permissions as they are.
const CODES = new Map([
  ["AddrInUse", "EADDRINUSE"],
  ["BadResource", "EBADF"],
  ["ConnectionRefused", "ECONNREFUSED"],
  ["ConnectionReset", "ECONNRESET"],
  ["Interrupted", "EINTR"],
  ["NotCapable", "ENOTCAPABLE"],
  ["NotConnected", "ENOTCONN"],
  ["NotFound", "ENOENT"],
  ["PermissionDenied", "EACCES"],
  ["UnexpectedEof", "EOF"],
]);

// Codes that the texts of Deno's errors contain where the errors have none.
const OS_CODES = new Map([["19", "ENODEV"], ["97", "EAFNOSUPPORT"]]);

/** Returns the code of an error; undefined for one that is not an error of the runtime. */
export function denoErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { code?: unknown };
  if (typeof code === "string") return code;
  const osCode = OS_CODES.get(/\(os error (\d+)\)/.exec(error.message)?.[1] ?? "");
  if (osCode !== undefined) return osCode;
  if (/failed to lookup address information/.test(error.message)) return "ENOTFOUND";
  return CODES.get(error.name);
}
