/**
 * The server of a benchmark, its own or a running one, and its CPU time.
 *
 * @module
 */

import { join } from "node:path";
import { parseAddress, type TlsClientOptions } from "../../src/transport/mod.ts";
import {
  listeningProcesses,
  type LocalEndpoint,
  processCpuMs,
} from "../../src/load/measure/server_process.ts";
import { selfSigned } from "../../src/transport/certs.ts";
import { UsageError } from "../shared/program.ts";
import { TemporaryFolder } from "../shared/temporary_folder.ts";
import { settledWithin } from "../shared/waits.ts";
import type { FromServer, ToServer } from "./messages.ts";
import { threadsEnded } from "./thread_ends.ts";
import type { Transport } from "./transports.ts";

/** Server under load. */
export interface ServerSide extends AsyncDisposable {
  /** Address to dial. */
  readonly address: string;
  /** TLS options that trust it; undefined for those of the command line. */
  readonly tls?: TlsClientOptions;
  /** Starts counting CPU time. */
  mark(): Promise<void>;
  /** Resolves to the CPU time since the mark, in ms; undefined where it can't be read. */
  cpuMs(): Promise<number | undefined>;
}

/** Wraps a server that is already running. */
export function runningServer(address: string): ServerSide {
  let pids: number[] | undefined;
  let beforeMs: number | undefined;
  return {
    address,
    async mark() {
      // Finding the processes is slow, reading their times is not.
      pids ??= await processesAt(address);
      beforeMs = await processCpuMs(pids);
    },
    async cpuMs() {
      const nowMs = await processCpuMs(pids ?? []);
      return nowMs === undefined || beforeMs === undefined ? undefined : nowMs - beforeMs;
    },
    [Symbol.asyncDispose]: threadsEnded,
  };
}

function processesAt(address: string): Promise<number[]> {
  const endpoint = localEndpoint(address);
  return endpoint ? listeningProcesses(endpoint) : Promise.resolve([]);
}

function localEndpoint(address: string): LocalEndpoint | undefined {
  const parsed = parseAddress(address);
  switch (parsed.kind) {
    case "tcp":
    case "dns": {
      const local = parsed.host === "localhost" || parsed.host === "::1" ||
        parsed.host.startsWith("127.");
      return local ? { kind: "tcp", port: parsed.port } : undefined;
    }
    case "unix":
      return { kind: "unix", path: parsed.path };
    default:
      return undefined;
  }
}

/** Longest wait for the CPU time of a server thread, which a call may keep busy. */
const CPU_TIMEOUT_MS = 2_000;
const VSOCK_PORTS = { first: 40_000, count: 20_000 };

/** Starts a server in a thread of this process, on a free address. Its disposal ends all threads before the process exits. */
export async function startOwnServer(transport: Transport): Promise<ServerSide> {
  const folder = transport === "unix" ? new TemporaryFolder("vrpc-") : undefined;
  const worker = new Worker(new URL("./server_worker.ts", import.meta.url), {
    type: "module",
    name: "benchmark server",
  });
  const tell = (message: ToServer) => worker.postMessage(message);
  const dispose = async () => {
    tell({ type: "end" });
    await threadsEnded();
    folder?.[Symbol.dispose]();
  };
  try {
    const certificate = transport === "tls" ? await selfSigned() : undefined;
    const listening = answer(worker, "listening");
    tell({ type: "serve", address: ownAddress(transport, folder?.path), tls: certificate });
    const { address } = await listening;
    return {
      address: dialled(address),
      tls: certificate && { ca: certificate.cert },
      mark: () => Promise.resolve(tell({ type: "mark" })),
      async cpuMs() {
        const told = answer(worker, "cpu");
        tell({ type: "cpu" });
        return await settledWithin(told, CPU_TIMEOUT_MS) ? (await told).cpuMs : undefined;
      },
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function ownAddress(transport: Transport, folder: string | undefined): string {
  if (folder !== undefined) return `unix:${join(folder, "benchmark.sock")}`;
  if (transport !== "vsock") return "127.0.0.1:0";
  // Not every kernel assigns a free vsock port.
  const port = VSOCK_PORTS.first + Math.floor(Math.random() * VSOCK_PORTS.count);
  return `vsock:any:${port}`;
}

/** Returns the address under which clients on this machine reach a listener. */
function dialled(address: string): string {
  const parsed = parseAddress(address);
  return parsed.kind === "vsock" ? `vsock:local:${parsed.port}` : address;
}

function answer<Type extends FromServer["type"]>(
  worker: Worker,
  type: Type,
): Promise<FromServer & { type: Type }> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<FromServer>) => {
      if (data.type === "failed") reject(new UsageError(`Cannot start a server: ${data.message}`));
      else if (data.type === type) resolve(data as FromServer & { type: Type });
    };
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`The server thread failed: ${event.message}`));
    };
  });
}
