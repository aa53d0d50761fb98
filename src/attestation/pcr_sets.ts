/**
 * Expected measurements of an enclave.
 *
 * @module
 */

import { AttestationError } from "./attestation_error.ts";
import { PCR_BYTES, PCR_COUNT } from "./nitro_document.ts";

/**
 * Measurements (SHA-384, in hex) that an enclave must have, by the number of their register. On Nitro 0 is the image,
 * 1 the kernel and its start, 2 the application, 3 the role of the parent, 4 its instance, 8 the image's signer.
 *
 * @category Attestation
 */
export type PcrSet = Readonly<Record<number, string | undefined>>;

const ZERO = "0".repeat(2 * PCR_BYTES);
/** Registers that are zero in debug mode. */
const IMAGE_REGISTERS = [0, 1, 2];

/** Returns the sets in lower case; throws TypeError or RangeError for what expects nothing or cannot be met. */
export function readPcrSets(pcrs: PcrSet | readonly PcrSet[], debug: boolean): readonly PcrSet[] {
  const sets: readonly PcrSet[] = Array.isArray(pcrs) ? pcrs : [pcrs as PcrSet];
  if (sets.length === 0) throw new TypeError("Cannot use pcrs: there is no set of measurements");
  return sets.map((set) => readSet(set, debug));
}

function readSet(set: PcrSet, debug: boolean): PcrSet {
  if (typeof set !== "object" || set === null) {
    throw new TypeError(`Cannot use pcrs: a set must be an object, not ${String(set)}`);
  }
  const entries = Object.entries(set).filter(([, value]) => value !== undefined);
  const read: Record<number, string> = Object.create(null);
  for (const [index, value] of entries) {
    if (!/^\d{1,2}$/.test(index) || Number(index) >= PCR_COUNT) {
      throw new RangeError(`Cannot use PCR ${index}: registers are 0 to ${PCR_COUNT - 1}`);
    }
    if (typeof value !== "string" || !/^[0-9a-f]{96}$/i.test(value)) {
      throw new TypeError(
        `Cannot use PCR${index}: it must be ${2 * PCR_BYTES} hex digits (SHA-384)`,
      );
    }
    if (value === ZERO && IMAGE_REGISTERS.includes(Number(index)) && !debug) {
      throw new TypeError(`Cannot use PCR${index}: it is zero, which stands for debug mode`);
    }
    read[Number(index)] = value.toLowerCase();
  }
  if (entries.length === 0) throw new TypeError("Cannot use pcrs: at least one PCR is required");
  if (!debug && Object.values(read).every((value) => value === ZERO)) {
    throw new TypeError("Cannot use pcrs: a set of zeros is met by any image");
  }
  return Object.freeze(read);
}

/** Throws an AttestationError (`debug`) if a register of the image is zero or missing. */
export function refuseDebug(found: Readonly<Record<number, string>>): void {
  for (const index of IMAGE_REGISTERS) {
    if (found[index] !== undefined && found[index] !== ZERO) continue;
    throw new AttestationError(
      "debug",
      `PCR${index} is ${
        found[index] === undefined ? "missing" : "zero"
      }: the enclave runs in debug mode`,
    );
  }
}

/** Throws an AttestationError (`pcrs`) unless the registers are those of one of the sets. */
export function checkPcrs(found: Readonly<Record<number, string>>, sets: readonly PcrSet[]): void {
  const faults = sets.map((set) =>
    Object.entries(set).find(([index, value]) => found[Number(index)] !== value)
  );
  if (faults.includes(undefined)) return;
  const [index, expected] = faults[0]!;
  const others = sets.length === 1 ? "" : `, and no other of ${sets.length} sets fits`;
  throw new AttestationError(
    "pcrs",
    `PCR${index} is ${found[Number(index)] ?? "missing"}, expected ${expected}${others}`,
  );
}
