/**
 * The server's side of the exchange: at most two calls on a connection, apart from the application's methods.
 *
 * @module
 */

import { AttestationError } from "../../attestation/attestation_error.ts";
import type { AttestationPolicy, Attester } from "../../attestation/types.ts";
import type { Attestation } from "../../call/attestation.ts";
import type { Clock } from "../../call/clock.ts";
import { Status } from "../../call/status.ts";
import type { ServerCall } from "../../call/wire.ts";
import { RpcError, textOf } from "../../errors.ts";
import { TokenBucket } from "../../limits/token_bucket.ts";
import { serverLog } from "../core/log.ts";
import type { ByteStream } from "../../transport/types.ts";
import { bindingOf, type ChannelKind } from "./binding.ts";
import { within } from "./client_exchange.ts";
import {
  ATTEST_PATHS,
  decodeRequest,
  encodeResponse,
  MAX_DOCUMENT_BYTES,
  MAX_MESSAGE_BYTES,
  newNonce,
  NONCE_BYTES,
} from "./messages.ts";

/** Exchanges of a server that may be in progress. */
const MAX_PENDING = 256;
/** Client documents that may fail at once, and each second from then on: 25 cost 6 % of a thread. */
const FAILURE_BURST = 50;
const FAILURES_PER_SECOND = 25;

/** Options of `serve` for attestation. */
export interface AttestationOptions {
  /** Proves the server. */
  readonly attestation?: Attester;
  /** Policy for the documents of clients. */
  readonly attestPeers?: AttestationPolicy;
}

/** What the exchanges of all connections of a server share. */
export class ServerAttestation {
  readonly attester: Attester;
  readonly policy: AttestationPolicy | undefined;
  readonly clock: Clock;
  #pending = 0;
  readonly #failures: TokenBucket;

  private constructor(attester: Attester, policy: AttestationPolicy | undefined, clock: Clock) {
    this.attester = attester;
    this.policy = policy;
    this.clock = clock;
    this.#failures = new TokenBucket(FAILURE_BURST, FAILURES_PER_SECOND, clock.now());
  }

  /** Returns undefined for a server that does not prove itself. */
  static of(options: AttestationOptions, clock: Clock): ServerAttestation | undefined {
    const { attestation, attestPeers } = options;
    return attestation && new ServerAttestation(attestation, attestPeers, clock);
  }

  /** Runs one step of an exchange; rejects with an RpcError if too many are in progress. */
  async run<T>(step: () => Promise<T>): Promise<T> {
    if (this.#pending >= MAX_PENDING) {
      throw new RpcError(Status.RESOURCE_EXHAUSTED, `${MAX_PENDING} exchanges are in progress`);
    }
    this.#pending++;
    try {
      return await step();
    } finally {
      this.#pending--;
    }
  }

  /** Verifies a client's document, later if many have failed. */
  async verify(document: Uint8Array, nonce: Uint8Array, userData: Uint8Array) {
    const { clock } = this;
    while (!this.#failures.take(0, clock.now())) {
      const { msUntilHalfFull } = this.#failures;
      await new Promise<void>((resolve) => clock.setTimer(resolve, msUntilHalfFull));
    }
    try {
      return await this.policy!.verify(document, { nonce, userData });
    } catch (error) {
      this.#failures.take(1, clock.now());
      throw error;
    }
  }
}

/** The connection under an exchange. */
export interface ExchangeOwner {
  readonly stream: ByteStream;
  readonly wire: "grpc" | "lean";
  /** The client has proved itself. */
  attested(attestation: Attestation): void;
  /** The exchange has failed: closes the connection. */
  failed(reason: string): void;
}

/** Exchange on one connection. */
export class ServerExchange {
  readonly #shared: ServerAttestation;
  readonly #owner: ExchangeOwner;
  #calls = 0;
  #nonce: Uint8Array | undefined;

  constructor(shared: ServerAttestation, owner: ExchangeOwner) {
    this.#shared = shared;
    this.#owner = owner;
  }

  /** Takes over a call if it belongs to the exchange. */
  takes(call: ServerCall): boolean {
    if (call.path !== ATTEST_PATHS[this.#owner.wire] || call.protocol !== undefined) return false;
    let message: Uint8Array | undefined;
    let cancelled = false;
    const refuse = (code: Status, text: string) => {
      if (cancelled) return;
      cancelled = true;
      call.sendStatus(code, text);
      call.handlerDone();
      this.#owner.failed(text);
    };
    const step = ++this.#calls;
    call.sink = {
      onMessage: (bytes, compressed) => {
        if (compressed || message !== undefined || bytes.length > MAX_MESSAGE_BYTES) {
          return refuse(Status.INVALID_ARGUMENT, "An exchange takes one small plain message");
        }
        // A copy: the buffer is the engine's.
        message = bytes.slice();
      },
      onHalfClose: () => {
        if (cancelled) return;
        if (step > 2) return refuse(Status.FAILED_PRECONDITION, "The exchange is over");
        this.#answer(message).then((reply) => {
          if (cancelled) return;
          cancelled = true;
          call.respond(reply);
          call.handlerDone();
        }).catch((error) => {
          const { code, message } = this.#explained(error);
          refuse(code, message);
        });
      },
      onCancel: () => {
        if (cancelled) return;
        cancelled = true;
        call.handlerDone();
      },
      onWritable() {},
    };
    return true;
  }

  /** Status of a failure. The texts of an attester may hold secrets; those of an AttestationError are made for the peer. */
  #explained(error: unknown): RpcError {
    if (error instanceof RpcError) return error;
    const { stream } = this.#owner;
    serverLog.debug("The exchange with {peer} failed: {error}", {
      peer: stream.peer.address,
      error,
    });
    if (error instanceof AttestationError) {
      const unavailable = error.reason === "unavailable" || error.reason === "busy";
      return new RpcError(
        unavailable ? Status.UNAVAILABLE : Status.PERMISSION_DENIED,
        textOf(error),
      );
    }
    return new RpcError(Status.UNAVAILABLE, "The attester failed");
  }

  async #answer(message: Uint8Array | undefined): Promise<Uint8Array> {
    const request = message && decodeRequest(message);
    if (request === undefined) throw invalid("The message is not a valid ExchangeRequest");
    const nonce = this.#nonce;
    this.#nonce = undefined;
    if (request.document.length === 0) return await this.#attest(request.format, request.nonce);
    if (nonce === undefined) throw invalid("No document was asked for");
    return await this.#verify(request.format, request.document, nonce);
  }

  async #attest(format: string, nonce: Uint8Array): Promise<Uint8Array> {
    const { attester, policy, clock } = this.#shared;
    if (this.#calls !== 1) throw invalid("A document was made for this connection already");
    if (nonce.length !== NONCE_BYTES) {
      throw invalid(`The nonce has ${nonce.length} bytes, must be ${NONCE_BYTES}`);
    }
    if (format !== attester.format) throw invalid(`Documents are of format ${attester.format}`);
    const userData = bindingOf(this.#owner.stream, format, channelOf(attester), "server");
    const document = await this.#shared.run(() =>
      within(attester.attest(nonce, userData), clock, "The attester")
    );
    if (document.length > MAX_DOCUMENT_BYTES) {
      throw new RpcError(Status.INTERNAL, "The attester made a document over 16 KiB");
    }
    if (policy !== undefined) this.#nonce = newNonce();
    return encodeResponse({ document, nonce: this.#nonce, clientFormat: policy?.format });
  }

  async #verify(format: string, document: Uint8Array, nonce: Uint8Array): Promise<Uint8Array> {
    const { policy, clock } = this.#shared;
    if (policy === undefined || format !== policy.format) {
      throw invalid("Documents of this format are not read");
    }
    const userData = bindingOf(this.#owner.stream, format, policy.channel, "client");
    const attestation = await this.#shared.run(() =>
      within(this.#shared.verify(document, nonce, userData), clock, "The verification")
    );
    this.#owner.attested(attestation);
    return encodeResponse({});
  }
}

function channelOf({ channel = "tls" }: Attester): ChannelKind {
  return channel;
}

function invalid(text: string): RpcError {
  return new RpcError(Status.INVALID_ARGUMENT, text);
}
