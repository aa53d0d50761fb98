/**
 * Deno as the {@link Runtime}. Loads in runtimes without Deno's API too, as long as nothing of it is used there: only
 * `unref` and `catchListenerErrors`, which handlers of the Fetch API need.
 *
 * @module
 */

import { denoErrorCode } from "./deno/errors.ts";
import { lacksFeature } from "./deno/unstable.ts";
import { webWorkerScope } from "./deno/worker_scope.ts";
import { catchReportedErrors } from "./web_events.ts";
import { attachWebWorker } from "./web_worker.ts";
import type {
  BoundListener,
  ForeignFunction,
  Permission,
  RawConn,
  Runtime,
  RuntimeTlsOptions,
  TcpConn,
  TlsConn,
  VsockAddr,
  VsockConn,
} from "./types.ts";

/** Deno's sockets, names, timers, workers and permissions. */
export const runtime: Runtime = {
  connectTcp: (hostname, port, signal) => Deno.connect({ hostname, port, signal }),
  connectUnix: (path) => Deno.connect({ transport: "unix", path }),
  connectVsock: (address) => Deno.connect({ transport: "vsock", ...address }),
  // deno-lint-ignore require-await -- Deno's function throws.
  async listenTcp(hostname, port, { reusePort, backlog }) {
    const listener = Deno.listen({ hostname, port, reusePort, tcpBacklog: backlog });
    return listener as Deno.TcpListener & { readonly addr: Deno.NetAddr };
  },
  // deno-lint-ignore require-await -- Deno's function throws.
  listenUnix: async (path) => Deno.listen({ transport: "unix", path }),
  // deno-lint-ignore require-await -- Deno's function throws.
  async listenVsock(address): Promise<BoundListener<VsockConn, VsockAddr>> {
    const listener = Deno.listen({ transport: "vsock", ...address });
    return listener as Deno.VsockListener & { readonly addr: Deno.VsockAddr };
  },
  startTls,
  resolve: (host, type, { nameServer, signal }) =>
    Deno.resolveDns(host, type, { nameServer, signal }),
  resolveTxt: (name, options) => Deno.resolveDns(name, "TXT", options),
  resolveSrv: (name, options) => Deno.resolveDns(name, "SRV", options),

  errorCode: denoErrorCode,
  lacks: lacksFeature,
  allows: (permission) => Deno.permissions.querySync(DESCRIPTORS[permission]).state === "granted",

  // Tokio's event interval, as Deno sets it.
  turnsUntilPoll: 61,
  unref: (timer) => globalThis.Deno?.unrefTimer?.(timer as number),
  onExit(callback) {
    globalThis.addEventListener("unload", callback);
    return () => globalThis.removeEventListener("unload", callback);
  },
  newAbortController: () => new AbortController(),
  catchListenerErrors: catchReportedErrors,
  tryLock,

  attachWorker: attachWebWorker,
  workerScope: webWorkerScope,
  ffi: {
    open: <Functions>(path: string, functions: Record<keyof Functions, ForeignFunction>) =>
      Deno.dlopen(path, functions as unknown as Deno.ForeignLibraryInterface)
        .symbols as Functions,
    addressOf: (buffer) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer)),
  },
};

/** Locks a directory by flock(2); by a directory in it on Deno 2.6, whose locks always wait. */
async function tryLock(folder: string): Promise<Disposable | undefined> {
  if (!("tryLock" in Deno.FsFile.prototype)) {
    const { tryLock } = await import("./node/lock.ts");
    return await tryLock(folder);
  }
  const file = await Deno.open(folder);
  try {
    if (await file.tryLock(true)) return file;
  } catch (error) {
    file.close();
    throw error;
  }
  file.close();
}

const DESCRIPTORS: Record<Permission, Deno.PermissionDescriptor> = {
  net: { name: "net" },
  ffi: { name: "ffi" },
  setPriority: { name: "sys", kind: "setPriority" },
};

/**
 * Starts TLS on a connected socket: `Deno.connectTls` would leave Nagle's algorithm on, which adds 40 ms to each
 * handshake.
 */
async function startTls(
  conn: TcpConn,
  { serverName, ca, alpn, signal }: RuntimeTlsOptions,
): Promise<TlsConn> {
  let open: RawConn = conn;
  const close = () => {
    try {
      open.close();
    } catch {
      // The runtime has closed it already.
    }
  };
  try {
    const secure = open = await Deno.startTls(conn as Deno.TcpConn, {
      hostname: serverName,
      caCerts: ca === undefined ? [] : [ca],
      alpnProtocols: alpn === undefined ? undefined : [...alpn],
    });
    if (signal.aborted) close();
    signal.addEventListener("abort", close);
    const { alpnProtocol } = await secure.handshake();
    return Object.assign(secure, { alpn: alpnProtocol });
  } catch (error) {
    close();
    throw error;
  } finally {
    signal.removeEventListener("abort", close);
  }
}
