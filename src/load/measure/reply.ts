/** Measured properties of the reply to a successful call. A `Uint8Array` qualifies. */
export interface Reply {
  /** Payload bytes received. */
  readonly byteLength: number;
  /** Messages received; 1 when absent. */
  readonly messages?: number;
  /** Whether it is a flow that the end of the run cut off. */
  readonly cutOff?: boolean;
}
