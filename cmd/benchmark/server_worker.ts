/**
 * Thread with the server that a benchmark starts.
 *
 * @module
 */

import { chooseCryptoBackend, generateCryptoKeys } from "../../src/services/mod.ts";
import type { Server } from "../../mod.ts";
import type { FromServer, ToServer } from "./messages.ts";
import { threadCpuMs } from "./thread_cpu.ts";
import { errorLine } from "../shared/program.ts";
import { startServing } from "../shared/serving.ts";

/** Subset of a dedicated worker's global scope. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToServer>) => void) | null;
  postMessage(message: FromServer): void;
  close(): void;
}

const scope = globalThis as unknown as WorkerScope;
let server: Server | undefined;
let cpuAtMarkMs: number | undefined;

scope.onmessage = ({ data }) => {
  switch (data.type) {
    case "serve":
      start(data);
      break;
    case "mark":
      cpuAtMarkMs = threadCpuMs();
      break;
    case "cpu": {
      const nowMs = threadCpuMs();
      const known = nowMs !== undefined && cpuAtMarkMs !== undefined;
      scope.postMessage({ type: "cpu", cpuMs: known ? nowMs - cpuAtMarkMs! : undefined });
      break;
    }
    case "end":
      end();
  }
};

async function start({ address, tls }: ToServer & { type: "serve" }): Promise<void> {
  try {
    server = await startServing({
      addresses: [address],
      reusePort: false,
      certificate: tls,
      cryptoBackend: chooseCryptoBackend("auto"),
      reflection: true,
      maxReceiveMessageBytes: 2 ** 31 - 1,
      maxConcurrentStreams: 100_000,
      compress: false,
      web: true,
      webOrigins: [],
      webHosts: [],
      metrics: false,
      logCalls: false,
    }, generateCryptoKeys());
    scope.postMessage({ type: "listening", address: server.addresses[0] });
  } catch (error) {
    scope.postMessage({ type: "failed", message: errorLine(error) });
  }
}

async function end(): Promise<void> {
  await server?.close();
  scope.close();
}
