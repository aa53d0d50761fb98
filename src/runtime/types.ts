/**
 * What the project needs of its host: sockets, names, timers, workers, permissions.
 *
 * @module
 */

/** Connected socket, or a stream in place of one. */
export interface RawConn {
  /** Reads at least one byte into `buffer`; resolves to the number of bytes, or null at the end of the stream. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes the start of `data`; resolves to the number of bytes accepted. */
  write(data: Uint8Array): Promise<number>;
  /** Ends the sending side. */
  closeWrite(): Promise<void>;
  /** Closes at once; pending reads and writes reject. May throw if it is closed already. */
  close(): void;
  /** Lets the process exit while the socket is open. */
  unref(): void;
}

/** IP address and port of a TCP socket. */
export interface NetAddr {
  /** IP address, without brackets. */
  readonly hostname: string;
  /** Port, 1 to 65,535. */
  readonly port: number;
}

/** Address of a vsock socket, as signed 32-bit integers. */
export interface VsockAddr {
  /** Context id. */
  readonly cid: number;
  /** Port. */
  readonly port: number;
}

/** Connected TCP socket. */
export interface TcpConn extends RawConn {
  /** Address of this end. */
  readonly localAddr: NetAddr;
  /** Address of the peer. */
  readonly remoteAddr: NetAddr;
  /** Sets TCP_NODELAY. */
  setNoDelay(on: boolean): void;
  /** Sets SO_KEEPALIVE. */
  setKeepAlive(on: boolean): void;
}

/** Connected vsock socket. */
export interface VsockConn extends RawConn {
  /** Address of this end. */
  readonly localAddr: VsockAddr;
  /** Address of the peer. */
  readonly remoteAddr: VsockAddr;
}

/** TCP connection after a client's TLS handshake. */
export interface TlsConn extends RawConn {
  /** Protocol selected by ALPN, null if none. */
  readonly alpn: string | null;
}

/** Listening socket. */
export interface RawListener<C extends RawConn> {
  /** Resolves to the next connection; rejects once the listener is closed, and for failures of one connection. */
  accept(): Promise<C>;
  /** Stops listening. May throw if it is closed already. */
  close(): void;
}

/** Listening socket with its address. */
export interface BoundListener<C extends RawConn, A> extends RawListener<C> {
  /** Address with the actual port. */
  readonly addr: A;
}

/** Options of {@link Runtime.startTls}. */
export interface RuntimeTlsOptions {
  /** Name to send and to verify. */
  readonly serverName: string;
  /** Authorities, in PEM. Undefined: those of the runtime. */
  readonly ca: string | undefined;
  /** Protocols to offer, in order of preference. */
  readonly alpn: readonly string[] | undefined;
  /** Closes the connection if it fires before the handshake is complete. */
  readonly signal: AbortSignal;
}

/** Feature that some runtimes lack, or enable only by a flag. */
export type Feature = "vsock" | "reusePort" | "tlsServer";

/** Right of the program that the runtime may withhold. */
export type Permission = "net" | "ffi" | "setPriority";

/** Worker as its creator sees it: a Web Worker, or one of node:worker_threads. */
export interface RuntimeWorker {
  /** Posts a message; `transfer` lists the objects that are moved instead of copied. */
  postMessage(message: unknown, transfer: never[]): void;
  /** Ends the worker. */
  terminate(): unknown;
}

/** Callbacks for what a worker reports. */
export interface WorkerEvents {
  /** A message. */
  onMessage(message: unknown): void;
  /** An error that ends the worker, or a message that cannot be read. */
  onError(reason: string): void;
}

/** Scope of a worker's own thread. */
export interface WorkerScope {
  /** Posts a message to the worker's creator. */
  postMessage(message: unknown, transfer?: Transferable[]): void;
  /** Calls `callback` with each message of the worker's creator. */
  onMessage(callback: (message: unknown) => void): void;
  /** Calls `callback` with a reason before code of the worker ends it, unless the creator gets an event for that. */
  onExit(callback: (reason: string) => void): void;
}

/** Pointer of foreign memory. */
export type Pointer = object | null;

/** Type of a foreign function's parameter or result. */
export type ForeignType = "pointer" | "buffer" | "i32" | "i64" | "u64" | "usize" | "void";

/** Signature of a foreign function. */
export interface ForeignFunction {
  /** Types of the parameters. */
  readonly parameters: readonly Exclude<ForeignType, "void">[];
  /** Type of the result. */
  readonly result: ForeignType;
  /** Whether it runs on another thread and returns a promise; its buffers must stay in use until that resolves. */
  readonly nonblocking?: boolean;
}

/** Calls of foreign functions. */
export interface ForeignInterface {
  /** Opens a library and returns its functions, which must fit `Functions`. Throws an Error if it cannot be opened. */
  open<Functions>(path: string, functions: Record<keyof Functions, ForeignFunction>): Functions;
  /** Returns the address of a buffer. */
  addressOf(buffer: Uint8Array<ArrayBuffer>): bigint;
}

/** Name server to ask; that of the system if undefined. */
export interface NameServerOptions {
  readonly nameServer: { readonly ipAddr: string; readonly port?: number } | undefined;
  readonly signal: AbortSignal;
}

/** An SRV record (RFC 2782). */
export interface SrvRecord {
  /** Records of the lowest number are used first. */
  readonly priority: number;
  /** Share among the records of one priority. */
  readonly weight: number;
  /** Port of the service. */
  readonly port: number;
  /** Name of the host; "." for no service. */
  readonly target: string;
}

/** Host of the program. */
export interface Runtime {
  /**
   * Connects to an IP address, or to a name that the system resolves.
   */
  connectTcp(host: string, port: number, signal: AbortSignal | undefined): Promise<TcpConn>;
  /** Connects to the Unix socket at `path`; one that begins with NUL is in the abstract namespace. */
  connectUnix(path: string): Promise<RawConn>;
  /** Connects to a vsock address. */
  connectVsock(address: VsockAddr): Promise<VsockConn>;
  /** Listens on an IP address, or on the first address of a name; port 0 lets the system choose. */
  listenTcp(
    host: string,
    port: number,
    options: { readonly reusePort: boolean; readonly backlog: number },
  ): Promise<BoundListener<TcpConn, NetAddr>>;
  /** Listens on the Unix socket at `path`; one that begins with NUL is in the abstract namespace. */
  listenUnix(path: string): Promise<RawListener<RawConn>>;
  /** Listens on a vsock address. */
  listenVsock(address: VsockAddr): Promise<BoundListener<VsockConn, VsockAddr>>;
  /**
   * Runs TLS as a client, with certificates verified and none of its own; closes `conn` if it fails. Absent if node:tls
   * is the runtime's fastest TLS.
   */
  readonly startTls?: (conn: TcpConn, options: RuntimeTlsOptions) => Promise<TlsConn>;
  /** Returns the texts of the TXT records of a name, each in its parts. Rejects if there are none. */
  resolveTxt(name: string, options: NameServerOptions): Promise<string[][]>;
  /** Returns the SRV records of a name (RFC 2782). Rejects if there are none. */
  resolveSrv(name: string, options: NameServerOptions): Promise<SrvRecord[]>;
  /** Resolves a host name to the addresses of one type, by the system's name server or the one given. */
  resolve(
    host: string,
    type: "A" | "AAAA",
    options: NameServerOptions,
  ): Promise<string[]>;

  /**
   * Code of an error: that of the system (`ECONNRESET`), `EOF` for an unexpected end, `EBADF` for a closed resource,
   * `ENOTCAPABLE` for a missing permission of the runtime; undefined for other errors.
   */
  errorCode(error: unknown): string | undefined;
  /** Why a feature cannot be used, and what to do about it; undefined if it can. */
  lacks(feature: Feature): Promise<string | undefined>;
  /** Whether the program has a right; never prompts. */
  allows(permission: Permission): boolean;

  /** Turns of the event loop after which the sockets have been polled, 1 or more. */
  readonly turnsUntilPoll: number;
  /** Lets the process exit while a timer is pending. */
  unref(timer: unknown): void;
  /** Calls `callback` when the process exits; returns a function that cancels that. */
  onExit(callback: () => void): () => void;
  /** Returns a controller whose signal may go to an application: {@link catchListenerErrors} has its listeners' errors. */
  newAbortController(): AbortController;
  /**
   * Runs `dispatch`, which aborts such a controller, and passes exceptions of the event's listeners to `onThrow`: the runtime
   * would report them as uncaught errors, which would end the process. They may be passed after the return.
   */
  catchListenerErrors(dispatch: () => void, onThrow: (error: unknown) => void): void;
  /**
   * Locks a directory against other processes that lock it, until disposal. Undefined while another holds the lock.
   * Throws if the directory cannot be locked.
   */
  tryLock(folder: string): Promise<Disposable | undefined>;

  /** Reports what a worker posts, and its errors. */
  attachWorker(worker: RuntimeWorker, events: WorkerEvents): void;
  /** Returns the scope of the worker that this thread is. */
  workerScope(): WorkerScope;
  /** Calls of foreign functions; absent if the runtime has none. */
  readonly ffi?: ForeignInterface;
}
