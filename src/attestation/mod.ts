/**
 * Attestation: what a peer proves about the machine and the program that it runs in. Documents of AWS Nitro Enclaves
 * are made and verified here; other formats implement {@link Attester} and {@link AttestationPolicy}.
 *
 * ```ts
 * import { AttestationError, nitroPolicy } from "@vrpc/vrpc/attestation";
 *
 * const policy = nitroPolicy({ pcrs: { 0: "1f".repeat(48) } });
 * try {
 *   const { moduleId, pcrs } = await policy.verify(await Deno.readFile("document.bin"));
 *   console.log(moduleId, pcrs[0]);
 * } catch (error) {
 *   if (error instanceof AttestationError) console.log(error.reason, error.message);
 * }
 * ```
 *
 * @module
 */

export type { Attestation } from "../call/attestation.ts";
export { AttestationError, type AttestationFailure } from "./attestation_error.ts";
export { AWS_NITRO_ROOT_G1 } from "./aws_root.ts";
export { type EifMeasurements, measureEif, type ReadableFile } from "./eif.ts";
export {
  type NitroCertificate,
  readNitroDocument,
  type UnverifiedNitroDocument,
} from "./nitro_document.ts";
export { nitro, type NitroAttester, type NitroOptions } from "./nitro_attester.ts";
export { nitroPolicy, type NitroPolicyOptions } from "./nitro_policy.ts";
export type { PcrSet } from "./pcr_sets.ts";
export type { AttestationPolicy, Attester, ExpectedClaims } from "./types.ts";
