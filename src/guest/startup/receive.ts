/**
 * The guest's side of a start: one call that brings configuration and secrets.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { StartupService } from "../../../proto/gen/vrpc/guest/v1/guest_pb.ts";
import type { AttestationPolicy, Attester } from "../../attestation/types.ts";
import { Status } from "../../call/status.ts";
import { RpcError } from "../../errors.ts";
import { checkRange, measured, whole } from "../../limits/ranges.ts";
import { attestedPeer, authorize } from "../../rpc/dispatch/authorize.ts";
import { serve, type Server } from "../../rpc/server/server.ts";
import type { TlsServerOptions } from "../../transport/tls_options.ts";
import { StartupData } from "./startup_data.ts";

const logger = getLogger(["vrpc", "guest", "startup"]);
/** Context ids of the parent: the host of a virtual machine, the parent of a Nitro Enclave. */
export const PARENT_CIDS: readonly number[] = [2, 3];
const MAX_BYTES = 16 * 1024 * 1024;
/** Time for the sender to read the answer, in ms. */
const ANSWER_MS = 1_000;

/**
 * Options of {@link receiveStartup}.
 *
 * @category Startup
 */
export interface ReceiveStartupOptions {
  /** Context ids that may send over vsock. Default 2 and 3: the host, and the parent of a Nitro Enclave. */
  allowVsockCids?: readonly number[];
  /** Largest size of configuration and secrets together, encoded, in bytes; at most 16 MiB. Default 65,536. */
  maxBytes?: number;
  /** Time to wait for the call, in ms. Default 60,000; Infinity waits for ever. */
  timeoutMs?: number;
  /** Ends the wait, which then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Called with the addresses that are listened on, once senders can connect. */
  onListening?: (addresses: readonly string[]) => void;
  /** TLS of the address. Default: none, or a key made at the start with `attestation`. */
  tls?: TlsServerOptions;
  /** Proves this guest, so that a sender outside can rely on it without the parent reading the secrets. */
  attestation?: Attester;
  /** Senders that may be: only those whose documents this policy accepts. Needs `attestation`. */
  attestPeers?: AttestationPolicy;
  /** Permissions of the file of a Unix socket. Default 0o600. */
  unixMode?: number;
}

/**
 * Waits for the call that brings configuration and secrets (`sendStartup`), accepts one, and stops listening. Serve after
 * it. Rejects when none has come in time, when the signal fires, or when an address cannot be listened on; throws a
 * TypeError or RangeError for invalid options.
 *
 * @category Startup
 */
export async function receiveStartup(
  addresses: string | readonly string[],
  options: ReceiveStartupOptions = {},
): Promise<StartupData> {
  const { maxBytes = 65_536, timeoutMs = 60_000, signal } = options;
  checkRange("maxBytes", maxBytes, whole(1, MAX_BYTES));
  checkRange("timeoutMs", timeoutMs, measured(1));
  signal?.throwIfAborted();
  const received = Promise.withResolvers<StartupData>();
  // Serving may fail first.
  received.promise.catch(() => {});
  const server = await serveStartup(addresses, options, maxBytes, received.resolve);
  const fail = (error: unknown) => received.reject(error);
  const onAbort = () => fail(signal!.reason);
  signal?.addEventListener("abort", onAbort);
  if (signal?.aborted) onAbort();
  const timer = timeoutMs > 0x7fffffff ? undefined : setTimeout(
    () => fail(new Error(`No start-up call has come within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    options.onListening?.(server.addresses);
    const data = await received.promise;
    await server.shutdown({ graceMs: ANSWER_MS });
    return data;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
    await server.shutdown({ graceMs: 0 });
  }
}

function serveStartup(
  addresses: string | readonly string[],
  options: ReceiveStartupOptions,
  maxBytes: number,
  take: (data: StartupData) => void,
): Promise<Server> {
  const { tls, attestation, attestPeers, unixMode } = options;
  let taken = false;
  return serve(addresses, (router) => {
    router.service(StartupService, {
      provide({ config, secrets }, context) {
        const { address } = context.peer;
        if (taken) {
          logger.warn("Refused a second start-up call of {address}", { address });
          throw new RpcError(Status.FAILED_PRECONDITION, "The guest has started already");
        }
        const data = new StartupData(parseConfig(config), ownCopies(secrets));
        taken = true;
        logger.info("Taken: the start-up call of {address}, with {secrets} secrets", {
          address,
          secrets: data.secretNames.length,
        });
        take(data);
        return {};
      },
    });
  }, {
    ...{ tls, attestation, attestPeers, unixMode },
    allowVsockCids: options.allowVsockCids ?? PARENT_CIDS,
    maxReceiveMessageBytes: maxBytes,
    interceptors: attestPeers ? [authorize({ "*": attestedPeer() })] : [],
    limits: { maxConnections: 16 },
  });
}

/** Parses the configuration. The text of JSON.parse's error is not passed on: it quotes the input. */
function parseConfig(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new RpcError(Status.INVALID_ARGUMENT, "The configuration is not valid JSON");
  }
}

/** Copies the secrets out of the message, and overwrites it. */
function ownCopies(secrets: Readonly<Record<string, Uint8Array>>): Map<string, Uint8Array> {
  return new Map(
    Object.entries(secrets).map(([name, bytes]) => {
      const copy = new Uint8Array(bytes);
      bytes.fill(0);
      return [name, copy];
    }),
  );
}
