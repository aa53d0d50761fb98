/**
 * `Deno.errors` by the codes of Node's errors.
 *
 * @module
 */

// `Interrupted` and `BadResource` are what Deno reports for a socket that was closed here.
const CODES = {
  AddrInUse: "EADDRINUSE",
  BadResource: "EBADF",
  BrokenPipe: "EPIPE",
  ConnectionReset: "ECONNRESET",
  Interrupted: "EBADF",
  NotConnected: "ENOTCONN",
  NotFound: "ENOENT",
  UnexpectedEof: "EOF",
} as const;

/** Classes of errors: an error of Node's is an instance of the class of its code. */
export const errors = Object.fromEntries(
  Object.entries(CODES).map(([name, code]) => [name, errorClass(name, code)]),
);

function errorClass(name: string, code: string) {
  return class extends Error {
    override readonly name = name;
    readonly code = code;

    static override [Symbol.hasInstance](error: unknown): boolean {
      return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
    }
  };
}
