/**
 * The other enclave of mutual attestation.
 *
 * @module
 */

/** Measurements of its image. */
export const PEER_PCRS: Readonly<Record<number, string>> = {
  0: "d4".repeat(48),
  1: "e5".repeat(48),
  2: "f6".repeat(48),
};
