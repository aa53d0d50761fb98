/**
 * The client's side of the exchange: the first call on a connection, before any call of the application.
 *
 * @module
 */

import { AttestationError } from "../../attestation/attestation_error.ts";
import type { AttestationPolicy, Attester } from "../../attestation/types.ts";
import type { Attestation } from "../../call/attestation.ts";
import type { Clock } from "../../call/clock.ts";
import { printable } from "../../call/printable.ts";
import { Status, statusName } from "../../call/status.ts";
import type { CallRequest, ClientCall } from "../../call/wire.ts";
import type { ByteStream } from "../../transport/types.ts";
import { clientLog } from "../core/log.ts";
import type { OpenClientCall } from "../core/open_calls.ts";
import { bindingOf } from "./binding.ts";
import {
  ATTEST_PATHS,
  decodeResponse,
  encodeRequest,
  EXCHANGE_TIMEOUT_MS,
  MAX_DOCUMENT_BYTES,
  MAX_MESSAGE_BYTES,
  newNonce,
  NONCE_BYTES,
} from "./messages.ts";

/** Difference of clocks that is logged, in ms; a policy refuses documents that are further ahead than its clockSkewMs. */
const SKEW_WARNING_MS = 60_000;

/** What a channel wants to know of its servers, and tells them. */
export interface ClientAttestation {
  /** Policy for the server's document. */
  readonly policy: AttestationPolicy;
  /** Makes the client's document, if the server asks for one. */
  readonly attester: Attester | undefined;
  readonly wire: "grpc" | "lean";
  readonly clock: Clock;
}

/** The connection under an exchange. */
export interface AttestedConnection {
  readonly stream: ByteStream;
  /** Starts a call on it, before any of the application. */
  startCall(request: CallRequest, sink: OpenClientCall): ClientCall;
  /** Forgets a call that has ended. */
  callOver(sink: OpenClientCall): void;
}

/**
 * Has the server prove itself, and proves the client if the server asks for it. Resolves to the server's claims; rejects
 * with an AttestationError or what the policy or the attester rejects with. The caller closes the connection then.
 */
export async function attestServer(
  connection: AttestedConnection,
  { policy, attester, wire, clock }: ClientAttestation,
): Promise<Attestation> {
  const { stream } = connection;
  const userData = bindingOf(stream, policy.format, policy.channel, "server");
  const nonce = newNonce();
  const ask = (message: Uint8Array) =>
    unary(connection, { path: ATTEST_PATHS[wire], message, clock });
  const response = await ask(encodeRequest({ format: policy.format, nonce }));
  const { document, nonce: serverNonce, clientFormat } = response;
  if (document.length === 0 || document.length > MAX_DOCUMENT_BYTES) {
    throw new AttestationError(
      "malformed",
      `The server's document has ${document.length} bytes, must be 1 to ${MAX_DOCUMENT_BYTES}`,
    );
  }
  const verified = policy.verify(document, { nonce, userData });
  const attestation = await within(verified, clock, "The verification of the server's document");
  warnOfSkew(attestation, stream);
  if (serverNonce.length === 0) return attestation;
  if (attester === undefined) return attestation;
  if (serverNonce.length !== NONCE_BYTES || clientFormat !== attester.format) {
    throw new AttestationError(
      "unavailable",
      `The server asks for a document of format ${printable(clientFormat)}, ` +
        `the attester makes ${attester.format}`,
    );
  }
  const own = bindingOf(stream, attester.format, policy.channel, "client");
  const made = await within(attester.attest(serverNonce, own), clock, "The attester");
  await ask(encodeRequest({ format: attester.format, document: made }));
  return attestation;
}

/** A fresh nonce proves that the document is new, so that its time tells how far two clocks are apart. */
function warnOfSkew({ timestamp }: Attestation, { peer }: ByteStream): void {
  const behindMs = Date.now() - timestamp;
  if (Math.abs(behindMs) <= SKEW_WARNING_MS) return;
  clientLog.warn(
    "The document of {peer} is dated {seconds} s {side} the clock of this machine; one of the two is wrong",
    {
      peer: peer.address,
      seconds: Math.round(Math.abs(behindMs) / 1000),
      side: behindMs > 0 ? "behind" : "ahead of",
    },
  );
}

/** Rejects if a promise takes longer than a step of the exchange may. */
export function within<T>(promise: Promise<T>, clock: Clock, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(() => {
      const text = `${what} took more than ${EXCHANGE_TIMEOUT_MS} ms`;
      reject(new AttestationError("unavailable", text));
    }, EXCHANGE_TIMEOUT_MS);
    promise.then(resolve, reject).finally(() => clock.clearTimer(timer));
  });
}

function unary(
  connection: AttestedConnection,
  { path, message, clock }: { path: string; message: Uint8Array; clock: Clock },
): Promise<NonNullable<ReturnType<typeof decodeResponse>>> {
  let call: ClientCall | undefined;
  const reply = new Promise<Uint8Array>((resolve, reject) => {
    let received: Uint8Array | undefined;
    const fail = (why: string) => reject(new AttestationError("unavailable", why));
    const sink: OpenClientCall = {
      openSlot: -1,
      onHeaders() {},
      onMessage(bytes, compressed) {
        if (compressed || received !== undefined) {
          fail("The server's reply is not one plain message");
        } // A copy: the buffer is the engine's.
        else received = bytes.slice();
      },
      onStatus(code, text) {
        connection.callOver(sink);
        if (code === Status.OK && received !== undefined) return resolve(received);
        if (code === Status.UNIMPLEMENTED) return fail("The server does not attest itself");
        fail(`The server did not attest itself: ${statusName(code)}: ${printable(text)}`);
      },
      onWritable() {},
    };
    call = connection.startCall({
      path,
      timeoutMs: EXCHANGE_TIMEOUT_MS,
      singleResponse: true,
      maxReceiveMessageBytes: MAX_MESSAGE_BYTES,
      requestStreams: false,
    }, sink);
    call.sendLastMessage(message, false);
  });
  return within(reply, clock, "The server's reply").then((bytes) => {
    const response = decodeResponse(bytes);
    if (response !== undefined) return response;
    throw new AttestationError("malformed", "The server's reply is not a valid ExchangeResponse");
  });
}
