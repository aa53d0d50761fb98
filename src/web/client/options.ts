/**
 * Options of a client's calls by Connect and gRPC-Web.
 *
 * @module
 */

import type { Encoding } from "../../call/encodings.ts";
import type { MessageFormat } from "../../codec/message_format.ts";

/** Options of a client's connection. */
export interface WebClientOptions {
  /** Protocol of the calls. */
  readonly protocol: "connect" | "grpc-web";
  /** Format of the messages, which is part of the content type. */
  readonly format: MessageFormat;
  /** Whether unary Connect calls of methods without side effects are sent as GET. */
  readonly useGet: boolean;
  /** `:authority` or Host of calls that do not set their own. */
  readonly authority: string;
  /** Whether the byte stream is TLS, so that the scheme is https. */
  readonly secure: boolean;
  /** `user-agent`. */
  readonly userAgent: string;
  /** Compressions accepted. Default all. */
  readonly encodings?: readonly Encoding[];
  /** Path before those of methods, without a slash at its end; empty for none. */
  readonly pathPrefix: string;
}
