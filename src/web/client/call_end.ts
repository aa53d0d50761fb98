/**
 * Ends of calls, as Connect and gRPC-Web state them.
 *
 * @module
 */

import { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import { statusFromHttp } from "../../call/http_status.ts";
import { DETAILS_KEY, encodeStatusDetails } from "../../codec/status_details.ts";
import { RpcError, textOf } from "../../errors.ts";
import type { ConnectError } from "../connect_error.ts";

/** How a call ended. */
export interface CallEnd {
  readonly code: Status;
  readonly message: string;
  readonly trailers: Metadata;
}

// Largest part of a foreign response quoted in the status, in bytes (as in grpc-go).
const MAX_FOREIGN_BYTES = 1_024;
const utf8 = new TextDecoder();

/** End of a call whose request cannot be sent. */
export function endOfException(thrown: unknown): CallEnd {
  if (thrown instanceof RpcError) {
    return { code: thrown.code, message: thrown.message, trailers: thrown.metadata };
  }
  return { code: Status.INTERNAL, message: textOf(thrown), trailers: new Metadata() };
}

/** End of a call by the error of a Connect server, whose details go into the trailers as those of gRPC do. */
export function endOfError({ code, message, details }: ConnectError, trailers: Metadata): CallEnd {
  if (details.length > 0) trailers.set(DETAILS_KEY, encodeStatusDetails(code, message, details));
  return { code, message, trailers };
}

/** A response that is not of the call's protocol, from a proxy or a web server, for example. */
export class ForeignResponse {
  readonly #code: Status;
  readonly #message: string;
  readonly #readable: boolean;
  #text = "";
  #bytes = 0;

  /** `expected` is the content type that a response of the call has. */
  constructor(status: number, contentType: string, expected: string) {
    this.#readable = /^text\/|json/i.test(contentType);
    if (status !== 200) {
      this.#code = statusFromHttp(status);
      this.#message = `The server answered with HTTP status ${status}`;
    } else {
      // Another format of the same protocol is the server's fault; anything else may come from whoever answered.
      this.#code = sameFamily(contentType, expected) ? Status.INTERNAL : Status.UNKNOWN;
      this.#message = `The response has the content-type ${
        JSON.stringify(contentType)
      }, not ${expected}`;
    }
  }

  /** Keeps a part of the body as the reason. Returns false when no more is needed. */
  receive(buffer: Uint8Array, start: number, end: number): boolean {
    const taken = Math.min(end - start, MAX_FOREIGN_BYTES - this.#bytes);
    if (this.#readable) this.#text += utf8.decode(buffer.subarray(start, start + taken));
    this.#bytes += end - start;
    return this.#bytes < MAX_FOREIGN_BYTES;
  }

  /** How the call ends. */
  get end(): CallEnd {
    const shown = this.#text.trim();
    const message = shown === "" ? this.#message : `${this.#message}: ${shown}`;
    return { code: this.#code, message, trailers: new Metadata() };
  }
}

const FAMILY = /^application\/(grpc-web|connect|proto|json)/i;

function sameFamily(contentType: string, expected: string): boolean {
  const given = FAMILY.exec(contentType)?.[1].toLowerCase();
  if (given === undefined) return false;
  const wanted = FAMILY.exec(expected)![1];
  const isUnary = (name: string) => name === "proto" || name === "json";
  return given === wanted || isUnary(given) && isUnary(wanted);
}

/** Value of the first field with a name; undefined without one. */
export function fieldOf(fields: readonly string[], name: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1];
  return undefined;
}
