/**
 * Text of a peer in a form that can be printed and logged: it can neither steer a terminal, nor forge a line, nor
 * change the order in which the text around it is shown.
 *
 * @module
 */

/**
 * Matches controls (C0, DEL, C1), line and paragraph separators, characters that change the direction of text (Unicode
 * UAX #9), and invisible characters. The joiners of emoji and scripts are not matched.
 */
export const UNPRINTABLE =
  // deno-lint-ignore no-control-regex -- control characters are what is escaped
  /[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/**
 * Returns a text with its unprintable characters as `\uXXXX`: controls, line breaks, and what changes the direction of
 * text. Use it for texts of a peer, such as the message of an error, before you print them: raw, they can steer a
 * terminal and forge lines.
 *
 * ```ts
 * import { connect, printable, RpcError } from "@vrpc/vrpc";
 *
 * await using channel = connect("127.0.0.1:50051");
 * try {
 *   await channel.call("/order", new Uint8Array());
 * } catch (error) {
 *   if (error instanceof RpcError) console.error(printable(`${error.codeName}: ${error.message}`));
 * }
 * ```
 *
 * @category Logs
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escaped);
}

/** Returns a value as JSON, in one line of printable characters alone. */
export function printableJson(value: unknown): string {
  return printable(JSON.stringify(value));
}

/** Like {@link printable}, but leaves tabs and line feeds, for text that may have several lines. */
export function printableLines(text: string): string {
  return text.replace(UNPRINTABLE, (char) => char === "\n" || char === "\t" ? char : escaped(char));
}

/** Longest chain of causes that is shown. */
const MAX_CAUSES = 4;

/**
 * Returns name, message and stack of an error, and of its causes, as printable lines. Any other thrown value is
 * converted to text. Never throws.
 */
export function printableError(thrown: unknown): string {
  try {
    return errorText(thrown);
  } catch {
    // The fields of the error throw or are not strings.
    return printable(textOfValue(thrown));
  }
}

function errorText(thrown: unknown): string {
  const parts: string[] = [];
  let next = thrown;
  for (let i = 0; i < MAX_CAUSES && next instanceof Error; i++, next = next.cause) {
    parts.push(`${printable(`${titleOf(next)}: ${next.message}`)}${framesOf(next)}`);
  }
  if (parts.length === 0) return printable(textOfValue(thrown));
  return parts.join("\nCaused by: ");
}

/**
 * Returns a thrown value in a form for `console.error`: the value itself if its text is printable and its message has
 * no line break, otherwise the text that {@link printableError} returns. Never throws.
 */
export function printableThrown(thrown: unknown): unknown {
  if (typeof thrown === "string") return printable(thrown);
  try {
    return isPlain(thrown) ? thrown : printableError(thrown);
  } catch {
    return printableError(thrown);
  }
}

/** Whether the messages and stacks of an error and its causes are printable, with no line break in a message. */
function isPlain(thrown: unknown): boolean {
  let next = thrown;
  for (let i = 0; i < MAX_CAUSES && next instanceof Error; i++, next = next.cause) {
    const { message, stack = "" } = next;
    if (printable(message) !== message || printableLines(stack) !== stack) return false;
  }
  return true;
}

// Returns the name of an error, with the status name of an RpcError.
function titleOf(error: Error): string {
  const { codeName } = error as { codeName?: unknown };
  return typeof codeName === "string" ? `${error.name} ${codeName}` : error.name;
}

// Returns the stack without the message that it begins with, whose lines could look like stack frames.
function framesOf({ stack = "", message }: Error): string {
  const from = stack.indexOf(message);
  if (from < 0) return "";
  const frames = stack.slice(from + message.length).split("\n").filter((line) =>
    line.startsWith("    at ")
  );
  return frames.map((line) => `\n${printable(line)}`).join("");
}

/** Returns the text of any value. Never throws. */
export function textOfValue(value: unknown): string {
  try {
    return String(value);
  } catch {
    // The value is a Proxy whose traps throw, or an object that cannot be converted to text.
    return "a value without a text";
  }
}

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
