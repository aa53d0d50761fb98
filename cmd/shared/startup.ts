/**
 * The start-up call of an enclave: what the programs send and take.
 *
 * @module
 */

import {
  receiveStartup,
  type ReceiveStartupOptions,
  sendStartup,
  type StartupData,
} from "../../src/guest/mod.ts";
import type { TlsServerOptions } from "../../src/transport/mod.ts";
import { type Level, level } from "./logging.ts";
import { errorLine, readTextOption, UsageError } from "./program.ts";

/** Secrets with which an enclave has TLS. */
const TLS_CERT = "tls.cert";
const TLS_KEY = "tls.key";

/** Waits for the call, and prints "startup ADDRESS" once it can be sent. */
export function waitForStartup(
  address: string,
  options: ReceiveStartupOptions & { readonly timeoutMs: number },
): Promise<StartupData> {
  return receiveStartup(address, {
    ...options,
    timeoutMs: options.timeoutMs === 0 ? Infinity : options.timeoutMs,
    onListening: ([actual]) => console.log(`startup ${actual}`),
  });
}

/** What an enclave takes of the call: log level and TLS. Throws Error for contents that it does not know. */
export function enclaveStartup(
  data: StartupData | undefined,
): { logLevel?: Level; tls?: TlsServerOptions } {
  if (data === undefined) return {};
  const { config = {} } = data;
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new Error("The configuration of the start-up call must be a JSON object");
  }
  const { logLevel, ...others } = config as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) {
    throw new Error(`The configuration of the start-up call has no ${unknown}: only logLevel`);
  }
  const cert = data.secretText(TLS_CERT);
  const key = data.secretText(TLS_KEY);
  if ((cert === undefined) !== (key === undefined)) {
    throw new Error(`The start-up call has only one of the secrets ${TLS_CERT} and ${TLS_KEY}`);
  }
  return {
    ...(logLevel !== undefined && { logLevel: level(String(logLevel)) }),
    ...(cert !== undefined && key !== undefined && { tls: { cert, key } }),
  };
}

/** Options of the host for the call. */
export interface SendStartupFlags {
  /** Address at which the enclave waits; undefined for no call. */
  startup?: string;
  /** Path of the configuration, in JSON. */
  startupConfig?: string;
  /** Secrets as NAME=FILE. */
  startupSecret?: string[];
  /** Time for the enclave to boot and take it, in ms. */
  startupTimeoutMs: number;
}

/** Sends the call, if the options ask for it. Throws UsageError for files that cannot be read. */
export async function sendStartupOf(flags: SendStartupFlags): Promise<void> {
  const { startup, startupConfig, startupSecret = [], startupTimeoutMs } = flags;
  if (startup === undefined) {
    if (startupConfig === undefined && startupSecret.length === 0) return;
    throw new UsageError(
      "--startup-config and --startup-secret have an effect only with --startup",
    );
  }
  const config = startupConfig === undefined ? undefined : await readJson(startupConfig);
  const secrets: Record<string, Uint8Array> = {};
  for (const text of startupSecret) {
    const [, name, path] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
    if (name === undefined) throw new UsageError(`--startup-secret must be NAME=FILE, not ${text}`);
    try {
      secrets[name] = await Deno.readFile(path);
    } catch (error) {
      throw new UsageError(`Cannot read ${path} (--startup-secret): ${errorLine(error)}`);
    }
  }
  await sendStartup(startup, { config, secrets }, { timeoutMs: startupTimeoutMs });
}

async function readJson(path: string): Promise<unknown> {
  const text = await readTextOption("--startup-config", path);
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`Cannot use ${path} (--startup-config): it is not valid JSON`);
  }
}
