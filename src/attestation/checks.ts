/**
 * Checks of what an application gives as a policy or an attester.
 *
 * @module
 */

import { checkFunctions, checkOneOf } from "../limits/ranges.ts";
import type { AttestationPolicy, Attester } from "./types.ts";

/** Throws TypeError unless a value has the members of a policy; `name` is that of its option. */
export function checkAttestationPolicy(name: string, policy: AttestationPolicy): void {
  checkFormat(name, policy, "an AttestationPolicy, such as nitroPolicy(…)");
  checkOneOf(`${name}.channel`, policy.channel, ["tls", "vsock"]);
  checkFunctions(`${name}.verify`, [policy.verify]);
  checkFunctions(`${name}.accepts`, [policy.accepts]);
}

/** Throws TypeError unless a value has the members of an attester; `name` is that of its option. */
export function checkAttester(name: string, attester: Attester): void {
  checkFormat(name, attester, "an Attester, such as nitro()");
  if (attester.channel !== undefined) {
    checkOneOf(`${name}.channel`, attester.channel, ["tls", "vsock"]);
  }
  checkFunctions(`${name}.attest`, [attester.attest]);
}

function checkFormat(name: string, value: { readonly format: string }, what: string): void {
  const format: unknown = typeof value === "object" && value !== null ? value.format : undefined;
  // A part of the label under the binding, so that it must be one plain word.
  if (typeof format === "string" && /^[a-z0-9][a-z0-9._-]{0,63}$/.test(format)) return;
  throw new TypeError(`Cannot use ${name}: it must be ${what}`);
}
