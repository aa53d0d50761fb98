/**
 * Keeps a connection from its calls until its server has proved itself.
 *
 * @module
 */

import type { Attestation } from "../../call/attestation.ts";
import type { CallRequest, ClientCall } from "../../call/wire.ts";
import { toError } from "../../errors.ts";
import type { ByteStream } from "../../transport/types.ts";
import type { OpenClientCall } from "../core/open_calls.ts";

/** What attestation needs of a connection. */
export interface AttestingConnection {
  readonly stream: ByteStream;
  /** Starts a call. */
  startCall(request: CallRequest, sink: OpenClientCall): ClientCall;
  /** Forgets a call that has ended. */
  callOver(sink: OpenClientCall): void;
}

/** Has the server of a connection prove itself; rejects if it does not. */
export type AttestFunction = (connection: AttestingConnection) => Promise<Attestation>;

/** Gate of one connection. */
export class AttestationGate {
  readonly #attest: AttestFunction | undefined;
  readonly #owner: { passed(): void; failed(error: Error): void };
  #started = false;
  /** What the server has proved. */
  attestation: Attestation | undefined = undefined;

  /** Is open from the beginning without `attest`. */
  constructor(
    attest: AttestFunction | undefined,
    owner: { passed(): void; failed(error: Error): void },
  ) {
    this.#attest = attest;
    this.#owner = owner;
  }

  /** Whether the connection may carry calls. */
  get passed(): boolean {
    return this.#attest === undefined || this.attestation !== undefined;
  }

  /** Begins the exchange the first time; one of the owner's functions is called at its end. */
  start(
    stream: ByteStream,
    startCall: AttestingConnection["startCall"],
    callOver: AttestingConnection["callOver"],
  ): void {
    if (this.#started) return;
    this.#started = true;
    this.#attest!({ stream, startCall, callOver }).then(
      (attestation) => {
        this.attestation = attestation;
        this.#owner.passed();
      },
      (error) => this.#owner.failed(toError(error)),
    );
  }
}
