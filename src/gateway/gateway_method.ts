/**
 * Method that a gateway exposes.
 *
 * @module
 */

import type { DescMethod, Registry } from "@bufbuild/protobuf";

/** Method with the types that its messages may contain. */
export interface GatewayMethod {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly desc: DescMethod;
  /** Types of `google.protobuf.Any` in JSON. */
  readonly registry: Registry;
}
