/**
 * Node 20 and later, and Bun, as the {@link Runtime}.
 *
 * @module
 */

import process from "node:process";
import { catchListenerErrors, newAbortController } from "./node/abort.ts";
import { tryLock } from "./node/lock.ts";
import { resolve, resolveSrv, resolveTxt } from "./node/names.ts";
import { connect, listenTcp, listenUnix } from "./node/sockets.ts";
import { attachWorker, workerScope } from "./node/workers.ts";
import type { Feature, Runtime } from "./types.ts";

const NAME = "bun" in process.versions ? "Bun" : "Node";

/** Sockets, names, timers and workers by the modules of Node. */
export const runtime: Runtime = {
  connectTcp: (host, port, signal) => connect({ host, port }, { hostname: host, port }, signal),
  connectUnix: (path) => connect({ path }),
  connectVsock: () => Promise.reject(new Error(NO_VSOCK)),
  listenTcp,
  listenUnix,
  listenVsock: () => Promise.reject(new Error(NO_VSOCK)),
  resolve,
  resolveTxt,
  resolveSrv,

  errorCode(error) {
    const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
    return typeof code === "string" ? code : undefined;
  },
  lacks: (feature) => Promise.resolve(lackOf(feature)),
  allows: () => true,

  turnsUntilPoll: 1,
  unref(timer) {
    (timer as NodeJS.Timeout).unref();
  },
  onExit(callback) {
    process.on("exit", callback);
    return () => process.off("exit", callback);
  },
  newAbortController,
  catchListenerErrors,
  tryLock,

  attachWorker,
  workerScope,
};

const NO_VSOCK = `${NAME} has no vsock sockets; use Deno, or hvsock: where the monitor offers it`;

function lackOf(feature: Feature): string | undefined {
  if (feature === "vsock") return NO_VSOCK;
  if (feature === "tlsServer") return undefined;
  const [major, minor] = process.versions.node.split(".").map(Number);
  return major > 22 || major === 22 && minor >= 12
    ? undefined
    : `Node ${process.versions.node} does not support it; use Node 22.12 or later`;
}
