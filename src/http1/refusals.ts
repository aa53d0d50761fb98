/**
 * Reasons for which a message is refused: a fixed text that quotes nothing of the message, and for requests the status
 * that the engine itself answers.
 *
 * @module
 */

/** Why a message is not passed on. The connection is closed after it; a server answers first. */
export interface Refusal {
  /** HTTP status of a server's answer: 400, 408, 413, 414, 417, 431, 501 or 505. */
  readonly status: number;
  /** What is wrong, in one line of ASCII. */
  readonly reason: string;
}

const malformed = (reason: string): Refusal => ({ status: 400, reason });

/** RFC 9112 §2.2: lines end with CRLF. A parser that takes LF disagrees with one that doesn't (request smuggling). */
export const BARE_LF = malformed("A line ends without CR");
/** RFC 9112 §2.2: a server should ignore one empty line before a request; this engine accepts no further ones. */
export const EMPTY_LINES = malformed("Empty lines precede the request");
/** RFC 9112 §3. */
export const REQUEST_LINE = malformed("The request line is not METHOD TARGET HTTP/1.1");
/** RFC 9112 §4. */
export const STATUS_LINE = malformed("The status line is not HTTP/1.1 STATUS REASON");
/** RFC 9112 §4. */
export const STATUS_LINE_TOO_LONG = malformed("The status line is too long");
/** RFC 9112 §3.2. */
export const TARGET = malformed("The request target is invalid");
/** RFC 9112 §5.1: no whitespace may precede the colon. */
export const FIELD_NAME = malformed("A field name is invalid or not followed by a colon");
/** RFC 9110 §5.5: a field value must not contain CR, LF, NUL or another control character. */
export const FIELD_VALUE = malformed("A field value has a control character");
/** RFC 9112 §5.2. */
export const OBS_FOLD = malformed("A field is folded over several lines");
/** RFC 9112 §3.2: exactly one Host in HTTP/1.1. */
export const HOST = malformed("Host must be given exactly once, as host or host:port");
/** RFC 9110 §8.6: a recipient may refuse repeated values, identical ones too. */
export const CONTENT_LENGTH = malformed("Content-Length must be one whole number");
/** RFC 9112 §6.1: a request with both may be an attempt of request smuggling. */
export const LENGTH_AND_CODING = malformed(
  "Content-Length and Transfer-Encoding exclude each other",
);
/** RFC 9112 §6.1: chunked is given once; HTTP/1.0 does not have it. */
export const TRANSFER_ENCODING = malformed(
  "Transfer-Encoding must be chunked, given once, in HTTP/1.1",
);
/** RFC 9112 §7.1. */
export const CHUNK = malformed("The chunked body is malformed");
/** RFC 9112 §7.1.1: extensions are ignored, and bounded. */
export const CHUNK_EXTENSIONS = malformed("The chunk extensions are too long");

/** RFC 9110 §15.5.9. */
export const HEAD_TIMEOUT: Refusal = {
  status: 408,
  reason: "The header section is not complete in time",
};
/** RFC 9110 §15.5.9. */
export const BODY_TIMEOUT: Refusal = { status: 408, reason: "The body is not complete in time" };
/** RFC 9110 §15.5.14. */
export const TOO_LARGE: Refusal = { status: 413, reason: "The body is too large" };
/** RFC 9110 §15.5.15. */
export const TARGET_TOO_LONG: Refusal = { status: 414, reason: "The request line is too long" };
/** RFC 9110 §15.5.18. */
export const EXPECTATION: Refusal = { status: 417, reason: "Expect may only be 100-continue" };
/** RFC 6585 §5. */
export const FIELDS_TOO_LARGE: Refusal = {
  status: 431,
  reason: "The header fields are too large or too many",
};
/** RFC 9112 §3: a method longer than any that is implemented. */
export const METHOD: Refusal = { status: 501, reason: "The method is not supported" };
/** RFC 9112 §6.1. */
export const CODING: Refusal = { status: 501, reason: "The transfer coding is not supported" };
/** RFC 9110 §15.6.6. */
export const VERSION: Refusal = {
  status: 505,
  reason: "The HTTP version is not supported: use HTTP/1.1",
};
