/**
 * Content types of gRPC-Web and Connect, and the protocol and message format that each stands for.
 *
 * @module
 */

/** Protocol of a request. */
export type WebProtocol = "grpc-web" | "connect-unary" | "connect-stream";

/** What a content type stands for. */
export interface WebContentType {
  readonly protocol: WebProtocol;
  /** Message format, for example `proto` or `json`; empty when the method determines it. */
  readonly format: string;
  /** Whether the body is base64 (`application/grpc-web-text`). */
  readonly text: boolean;
}

const TYPE =
  /^application\/(?:(grpc-web)(-text)?(?:\+([^;\s]+))?|connect\+([^;\s]+)|([a-z0-9.-]+))\s*(?:;|$)/;

const OTHER_CHARSET = /;\s*charset\s*=(?!\s*"?utf-?8"?\s*(?:;|$))/i;

const KNOWN: ReadonlyMap<string, WebContentType> = new Map(
  [
    "application/proto",
    "application/json",
    "application/connect+proto",
    "application/connect+json",
    "application/grpc-web",
    "application/grpc-web+proto",
    "application/grpc-web+json",
    "application/grpc-web-text",
    "application/grpc-web-text+proto",
  ].map((type) => [type, parse(type)!]),
);

/**
 * Reads a content type; undefined for one of another protocol, and for text that is not in UTF-8, as JSON must be (RFC
 * 8259 §8.1). Other parameters are ignored.
 */
export function webContentType(value: string): WebContentType | undefined {
  return KNOWN.get(value) ?? parse(value);
}

function parse(value: string): WebContentType | undefined {
  const found = TYPE.exec(value.toLowerCase());
  if (found === null || OTHER_CHARSET.test(value)) return undefined;
  const [, grpcWeb, text, grpcFormat, streamFormat, unaryFormat] = found;
  if (grpcWeb !== undefined) {
    return { protocol: "grpc-web", format: grpcFormat ?? "", text: text !== undefined };
  }
  if (streamFormat !== undefined) {
    return { protocol: "connect-stream", format: streamFormat, text: false };
  }
  if (unaryFormat === "grpc") return undefined;
  return { protocol: "connect-unary", format: unaryFormat, text: false };
}

/** Formats the content type of a response. */
export function formatContentType({ protocol, format, text }: WebContentType): string {
  if (protocol === "connect-unary") return `application/${format}`;
  if (protocol === "connect-stream") return `application/connect+${format}`;
  return `application/grpc-web${text ? "-text" : ""}+${format === "" ? "proto" : format}`;
}
