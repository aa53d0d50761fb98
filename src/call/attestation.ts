/**
 * What a peer has proved about the machine and the program that it runs in.
 *
 * @module
 */

/**
 * Verified claims of a peer: what the hardware that signed its document has measured.
 *
 * @category Attestation
 */
export interface Attestation {
  /** Format of the document, for example `nitro`. */
  readonly format: string;
  /** Identity of the module that signed, for example `i-00d494a46f4f3c091-enc019639f5c00f6e0c`. */
  readonly moduleId: string;
  /** Time at which the document was made, by the clock of the module that signed it, in ms since 1970. */
  readonly timestamp: number;
  /** Measurements by the number of their register, in lower-case hex. */
  readonly pcrs: Readonly<Record<number, string>>;
  /** Data that the enclave gave for signing; undefined without. */
  readonly userData?: Uint8Array;
  /** Public key that the enclave gave for signing; undefined without. */
  readonly publicKey?: Uint8Array;
  /** Nonce of the one that asked for the document; undefined without. */
  readonly nonce?: Uint8Array;
}
