/**
 * The options of a channel for attestation.
 *
 * @module
 */

import { checkAttestationPolicy, checkAttester } from "../../attestation/checks.ts";
import type { AttestationPolicy, Attester } from "../../attestation/types.ts";

/** Options that the check looks at. */
interface AttestOptions {
  readonly attest?: AttestationPolicy;
  readonly attestation?: Attester;
  readonly wire?: string;
  readonly tls?: unknown;
  readonly allowVersion1?: unknown;
}

/** Throws TypeError for a policy or an attester that cannot work. */
export function checkAttest(
  { attest, attestation, wire, tls, allowVersion1 }: AttestOptions,
): void {
  if (attest === undefined) {
    if (attestation === undefined) return;
    throw new TypeError("Cannot use attestation without attest: clients prove themselves second");
  }
  checkAttestationPolicy("attest", attest);
  if (attestation !== undefined) checkAttester("attestation", attestation);
  if (wire !== undefined && wire !== "grpc" && wire !== "lean") {
    throw new TypeError(`Cannot use attest with the ${wire} wire: gRPC and lean have it`);
  }
  if (allowVersion1) {
    throw new TypeError("Cannot use attest with allowVersion1: version 1 has no exchange");
  }
  if (attest.channel === "vsock" && tls !== undefined) {
    throw new TypeError('Cannot use tls with a policy of channel "vsock", which is without TLS');
  }
}
