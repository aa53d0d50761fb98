/**
 * The enclave's example service: reverses text by grapheme.
 *
 * @module
 */

import { EnclaveService } from "../../proto/gen/vrpc/enclave/v1/enclave_pb.ts";
import type { Router } from "../rpc/dispatch/router.ts";

// Characters that are one grapheme each; CR is left out because CR LF is a single grapheme.
// deno-lint-ignore no-control-regex -- control characters are valid text
const PLAIN = /^[\x00-\x0c\x0e-\x7e]*$/;
let segmenter: Intl.Segmenter | undefined;

/** Reverses text grapheme by grapheme (Unicode UAX #29), so that `é` and joined emoji stay whole. */
export function reverseGraphemes(text: string): string {
  if (PLAIN.test(text)) {
    let reversed = "";
    for (let i = text.length - 1; i >= 0; i--) reversed += text[i];
    return reversed;
  }
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return Array.from(segmenter.segment(text), (part) => part.segment).reverse().join("");
}

/** Adds `vrpc.enclave.v1.EnclaveService` to a router. */
export function addEnclave(router: Router): void {
  router.service(EnclaveService, { echo: (request) => ({ dix: reverseGraphemes(request.xid) }) });
}
