/**
 * What is compared.
 *
 * @module
 */

/** Implementation, built. */
export interface Peer {
  /** Name in tables. */
  readonly name: string;
  /** Language, runtime and library, with versions. */
  readonly version: string;
  /** Whether it is this project's. */
  readonly ours: boolean;
  /** Protocols of the server that are compared. */
  readonly protocols: readonly ("grpc" | "connect")[];
  /**
   * Command that starts a server on a free port of 127.0.0.1. Takes `--mode MODE`, `--connect h1|h2` and `--tls-cert FILE
   * --tls-key FILE --tls-client-ca FILE` after it, as far as its protocols have them.
   */
  readonly server: string[];
  /** Commands that make load with small and with nested messages; address, calls in flight and seconds are appended. */
  readonly clients?: { readonly small: string[]; readonly nested: string[] };
  /** Additional environment variables. */
  readonly env?: Record<string, string>;
}

/** Returns the commands of a client by the names that all programs but grpc-go's have for its kinds. */
export const clientsOf = (command: string[]) => ({
  small: [...command, "client"],
  nested: [...command, "client-nested"],
});
