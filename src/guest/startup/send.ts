/**
 * The sender's side of a guest's start.
 *
 * @module
 */

import { StartupService } from "../../../proto/gen/vrpc/guest/v1/guest_pb.ts";
import type { AttestationPolicy, Attester } from "../../attestation/types.ts";
import { connect } from "../../rpc/channel/channel.ts";
import type { DialFunction } from "../../rpc/pool/options.ts";
import type { TlsClientOptions } from "../../transport/tls_options.ts";

/**
 * Configuration and secrets for a guest.
 *
 * @category Startup
 */
export interface StartupContents {
  /** Configuration: a value that JSON has. Default: none. */
  config?: unknown;
  /** Secrets by name; texts are encoded in UTF-8. Default: none. */
  secrets?: Readonly<Record<string, Uint8Array | string>>;
}

/**
 * Options of {@link sendStartup}.
 *
 * @category Startup
 */
export interface SendStartupOptions {
  /** Time for the guest to boot, listen and answer, in ms. Default 60,000. */
  timeoutMs?: number;
  /** Cancels the call. */
  signal?: AbortSignal;
  /** TLS with the guest. */
  tls?: TlsClientOptions | true;
  /** Requires the guest to prove its image before anything is sent. */
  attest?: AttestationPolicy;
  /** Proves the sender, if the guest asks for it. */
  attestation?: Attester;
  /** Connects to the guest, in place of the address's own transport. */
  dial?: DialFunction;
}

/**
 * Gives a guest that waits in `receiveStartup` its configuration and secrets; waits until it listens. Rejects with an
 * RpcError: FAILED_PRECONDITION if the guest has taken another call already, RESOURCE_EXHAUSTED if it takes less, and
 * DEADLINE_EXCEEDED or UNAVAILABLE if it does not answer.
 *
 * @category Startup
 */
export async function sendStartup(
  address: string,
  contents: StartupContents,
  options: SendStartupOptions = {},
): Promise<void> {
  const { tls, attest, attestation, dial, signal, timeoutMs = 60_000 } = options;
  const { config, secrets = {} } = contents;
  const utf8 = new TextEncoder();
  const request = {
    config: config === undefined ? "" : JSON.stringify(config),
    secrets: Object.fromEntries(
      Object.entries(secrets).map((
        [name, secret],
      ) => [name, typeof secret === "string" ? utf8.encode(secret) : new Uint8Array(secret)]),
    ),
  };
  await using channel = connect(address, {
    ...{ tls, attest, attestation, dial },
    initialBackoffMs: 50,
    maxBackoffMs: 500,
  });
  try {
    await channel.client(StartupService).provide(request, {
      ...{ timeoutMs, signal, waitForReady: true },
    });
  } finally {
    for (const secret of Object.values(request.secrets)) secret.fill(0);
  }
}
