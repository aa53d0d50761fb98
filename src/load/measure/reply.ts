/** Result of a successful call, as far as it is measured. A `Uint8Array` is one. */
export interface Reply {
  /** Payload bytes received. */
  readonly byteLength: number;
  /** Messages received; 1 when absent. */
  readonly messages?: number;
}
