/**
 * What `--verbose` shows of a call: metadata in both directions, sizes, and the time of each phase.
 *
 * @module
 */

import type { CallOptions, ChannelOptions, Metadata } from "../../mod.ts";
import { printable, printableJson } from "../../src/call/printable.ts";
import {
  type ByteStream,
  dial,
  type DialOptions,
  parseAddress,
  resolveHost,
  startTls,
} from "../../src/transport/mod.ts";
import type { FoundMethod } from "./lookup.ts";

/** Phases of a call, in their order; times in ms. */
export interface Phases {
  /** Resolving the host name. */
  dns?: number;
  /** Opening the byte stream. */
  connect?: number;
  /** TLS handshake. */
  tls?: number;
  /** Settings of HTTP/2 or the hello of lean, in both directions. */
  handshake?: number;
  /** Reading the methods and types. */
  lookup?: number;
  /** From the start of the call to the headers of the reply, or to its end without such. */
  firstByte?: number;
  /** From the start of the program's first connection to the end of the call. */
  total?: number;
}

/** Records one call. */
export class Trace {
  readonly phases: Phases = {};
  readonly #startMs = performance.now();
  #dialledMs = this.#startMs;
  #callMs = this.#startMs;
  /** Whether calls are the user's; those before are of reflection. */
  #isCall = false;
  readonly #requests: number[] = [];
  readonly #replies: number[] = [];
  #headers: Metadata | undefined;
  #trailers: Metadata | undefined;

  /** Opens byte streams as the channel itself does, and times the phases of the first. */
  readonly dial = async (address: string, options: DialOptions): Promise<ByteStream> => {
    const { tls, resolver = resolveHost, alpn, signal } = options;
    let dnsMs = 0;
    const startMs = performance.now();
    let stream = await dial(address, {
      ...options,
      tls: undefined,
      async resolver(...args) {
        const fromMs = performance.now();
        const found = await resolver(...args);
        dnsMs = performance.now() - fromMs;
        return found;
      },
    });
    const connectedMs = performance.now();
    this.phases.dns ??= dnsMs;
    this.phases.connect ??= connectedMs - startMs - dnsMs;
    if (tls !== undefined) {
      const target = parseAddress(address);
      const serverName = "host" in target ? target.host : undefined;
      stream = await startTls(stream, { tls: tls === true ? {} : tls, alpn, serverName, signal });
      this.phases.tls ??= performance.now() - connectedMs;
    }
    this.#dialledMs = performance.now();
    return stream;
  };

  /** The connection is ready. */
  connected(): void {
    this.phases.handshake = performance.now() - this.#dialledMs;
    this.#callMs = performance.now();
  }

  /** The method and its types are known; the call starts. */
  found(): void {
    const now = performance.now();
    this.phases.lookup = now - this.#callMs;
    this.#callMs = now;
    this.#isCall = true;
  }

  /** Counts the messages of the call. */
  readonly observer: NonNullable<ChannelOptions["observer"]> = {
    started: () => {
      if (!this.#isCall) return undefined;
      return {
        sent: (bytes) => void this.#requests.push(bytes),
        received: (bytes) => void this.#replies.push(bytes),
        ended: () => {},
      };
    },
  };

  /** Returns the options of the call with this recording in them. */
  watching(options: CallOptions): CallOptions {
    const { onHeaders } = options;
    return {
      ...options,
      onHeaders: (headers) => {
        this.phases.firstByte ??= performance.now() - this.#callMs;
        this.#headers = headers;
        onHeaders?.(headers);
      },
      onTrailers: (trailers) => {
        this.phases.firstByte ??= performance.now() - this.#callMs;
        this.#trailers = trailers;
      },
    };
  }

  /** Prints the record to standard error: lines, or one JSON object. */
  print(method: FoundMethod, sent: Metadata, asJson: boolean): void {
    this.phases.total = performance.now() - this.#startMs;
    const { path, kind } = method;
    if (asJson) {
      console.error(printableJson({
        method: path,
        kind,
        requestMetadata: entriesOf(sent),
        requestBytes: this.#requests,
        headers: entriesOf(this.#headers),
        responseBytes: this.#replies,
        trailers: entriesOf(this.#trailers),
        timingMs: this.phases,
      }));
      return;
    }
    const lines = [
      `* ${path} (${kind})`,
      ...entriesOf(sent).map(([key, value]) => `> ${key}: ${value}`),
      `> ${amount(this.#requests)}`,
      ...entriesOf(this.#headers).map(([key, value]) => `< ${key}: ${value}`),
      `< ${amount(this.#replies)}`,
      ...entriesOf(this.#trailers).map(([key, value]) => `< ${key}: ${value} (trailer)`),
      `* ${timing(this.phases)}`,
    ];
    console.error(lines.map(printable).join("\n"));
  }
}

function entriesOf(metadata: Metadata | undefined): [string, string][] {
  return Array.from(metadata ?? [], ([key, value]) => [
    key,
    typeof value === "string" ? value : value.toBase64(),
  ]);
}

function amount(sizes: readonly number[]): string {
  const bytes = sizes.reduce((sum, one) => sum + one, 0);
  const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? "" : "s"}`;
  return `${plural(sizes.length, "message")}, ${plural(bytes, "byte")}`;
}

const NAMES: Record<keyof Phases, string> = {
  dns: "DNS",
  connect: "connect",
  tls: "TLS",
  handshake: "handshake",
  lookup: "lookup",
  firstByte: "first byte",
  total: "total",
};

function timing(phases: Phases): string {
  const keys = Object.keys(NAMES) as (keyof Phases)[];
  return keys.filter((key) => phases[key] !== undefined)
    .map((key) => `${NAMES[key]} ${phases[key]!.toFixed(1)} ms`).join(", ");
}
