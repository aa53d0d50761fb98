/**
 * Certificates and keys in files that are replaced while they are used.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { builtinModule } from "../bytes/builtin_module.ts";
import { textOf } from "../errors.ts";
import { runtime } from "../runtime/mod.ts";
import { checkKeyPair } from "./key_pair.ts";
import {
  checkAuthorities,
  checkPem,
  type TlsClientOptions,
  type TlsServerOptions,
} from "./tls_options.ts";
import { checkTrustBundles } from "./trust_bundles.ts";

/** Files of {@link watchTls}, and what is not in files. */
export interface TlsFiles {
  /** Path of the certificate chain in PEM, the own certificate first; requires `key`. Servers need it. */
  cert?: string;
  /** Path of the private key of `cert` in PEM, without a password. */
  key?: string;
  /** Path of the authorities in PEM that verify peers: `clientCa` of a server, `ca` of a channel. */
  ca?: string;
  /** Paths of the authorities by SPIFFE trust domain, in place of `ca`. */
  trustBundles?: Readonly<Record<string, string>>;
  /** {@link TlsClientOptions.serverSpiffeIds}. */
  serverSpiffeIds?: readonly string[];
  /** {@link TlsServerOptions.clientAuth}. */
  clientAuth?: TlsServerOptions["clientAuth"];
  /** {@link TlsClientOptions.serverName}. */
  serverName?: string;
  /** Time between two reads of the files. 1 or more, Infinity for `reload` alone. Default 10,000. */
  pollMs?: number;
  /**
   * Time that the calls on open connections, of servers and of channels, have after a change; then they are cancelled, and
   * the connections close. A channel connects anew at once. 0 or more. Default: open connections live on with the
   * certificates that they began with.
   */
  drainGraceMs?: number;
}

/** Default of {@link TlsFiles.pollMs}. */
export const TLS_POLL_MS = 10_000;

/** Contents of the files. */
interface Contents {
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly trustBundles?: Readonly<Record<string, string>>;
}

const FILES = ["cert", "key", "ca"] as const;

const log = getLogger(["vrpc", "transport"]);

/**
 * TLS options from files that are read again and again; `close` (or `using`) ends that.
 *
 * @category TLS
 */
export class TlsWatch implements Disposable {
  /** {@link TlsFiles.drainGraceMs}. */
  readonly drainGraceMs: number | undefined;
  readonly #files: TlsFiles;
  readonly #listeners = new Set<() => void>();
  readonly #pollMs: number;
  #contents: Contents;
  #client: TlsClientOptions | undefined;
  /** Failure that was logged last, so that one is logged once. */
  #failure: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reading: Promise<boolean> | undefined;
  #closed = false;

  /** Use {@link watchTls}. */
  constructor(files: TlsFiles) {
    const { pollMs = TLS_POLL_MS, drainGraceMs } = files;
    checkMs("pollMs", pollMs, 1);
    if (drainGraceMs !== undefined) checkMs("drainGraceMs", drainGraceMs, 0);
    this.#files = { ...files };
    this.drainGraceMs = drainGraceMs;
    this.#pollMs = pollMs;
    const { readFileSync } = builtinModule("node:fs");
    this.#contents = checked(mapFiles(files, (path) => readFileSync(path, "utf8")));
    this.#schedule();
  }

  /** Options of a server with the files' last valid contents. Throws TypeError without `cert`. */
  get server(): TlsServerOptions {
    const { cert, key, ca, trustBundles } = this.#contents;
    if (cert === undefined || key === undefined) {
      throw new TypeError("Cannot serve TLS: watchTls was given no cert and key");
    }
    const { clientAuth } = this.#files;
    return {
      cert,
      key,
      ...(ca && { clientCa: ca }),
      ...(clientAuth && { clientAuth }),
      ...(trustBundles && { trustBundles }),
    };
  }

  /** Options of a client with the files' last valid contents; the same object until they change. */
  get client(): TlsClientOptions {
    const { serverName, serverSpiffeIds } = this.#files;
    return this.#client ??= Object.freeze({
      ...this.#contents,
      ...(serverName !== undefined && { serverName }),
      ...(serverSpiffeIds !== undefined && { serverSpiffeIds }),
    });
  }

  /**
   * Reads the files now; resolves to whether they changed. Files that can't be read or don't fit together are logged, and
   * the last valid ones stay in use. Never rejects.
   */
  reload(): Promise<boolean> {
    return this.#reading ??= this.#reload().finally(() => this.#reading = undefined);
  }

  /** Calls `listener` after each change; returns a function that ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Stops reading; the last valid contents stay in use. Idempotent. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  /** Like `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  async #reload(): Promise<boolean> {
    let contents: Contents;
    try {
      contents = await readFiles(this.#files);
      if (JSON.stringify(contents) === JSON.stringify(this.#contents)) {
        this.#failure = undefined;
        return false;
      }
      checked(contents);
    } catch (error) {
      const reason = textOf(error);
      if (reason !== this.#failure) {
        log.error("Cannot use the new TLS files, keeping the old: {reason}", { reason });
      }
      this.#failure = reason;
      return false;
    }
    if (this.#closed) return false;
    this.#failure = undefined;
    this.#contents = contents;
    this.#client = undefined;
    log.info("Using new TLS files: {files}", {
      files: pathsOf(this.#files).join(", "),
    });
    for (const listener of [...this.#listeners]) listener();
    return true;
  }

  #schedule(): void {
    if (this.#closed || this.#pollMs === Infinity) return;
    this.#timer = setTimeout(async () => {
      await this.reload();
      this.#schedule();
    }, Math.min(this.#pollMs, 0x7fffffff));
    runtime.unref(this.#timer);
  }
}

/**
 * Reads certificates from files, and again whenever they change: new handshakes of servers and channels use the new ones,
 * open connections live on. Files that are missing, damaged or don't fit together are logged, and the last valid ones
 * stay in use. Throws TypeError or the file system's error if they can't be used at first.
 *
 * ```ts ignore
 * import { connect, serve } from "@vrpc/vrpc";
 * import { watchTls } from "@vrpc/vrpc/transport";
 *
 * const tls = watchTls({ cert: "/tls/tls.crt", key: "/tls/tls.key", ca: "/tls/ca.crt" });
 * const server = await serve("0.0.0.0:50051", configure, { tls });
 * const channel = connect("dns:///orders:50051", { tls });
 * ```
 *
 * @category TLS
 */
export function watchTls(files: TlsFiles): TlsWatch {
  return new TlsWatch(files);
}

/** Returns the options of a channel as they are now. */
export function currentTls(
  tls: TlsClientOptions | TlsWatch | true | undefined,
): TlsClientOptions | true | undefined {
  return tls instanceof TlsWatch ? tls.client : tls;
}

function checkMs(name: string, value: unknown, least: number): void {
  if (typeof value === "number" && value >= least) return;
  throw new RangeError(`Cannot use ${name} ${String(value)}: it must be ${least} or more`);
}

/** Calls `read` for each path that is given. */
function mapFiles(files: TlsFiles, read: (path: string) => string): Contents {
  const contents: { cert?: string; key?: string; ca?: string } = {};
  for (const file of FILES) {
    const path = files[file];
    if (path !== undefined) contents[file] = read(path);
  }
  if (files.trustBundles === undefined) return contents;
  const bundles = Object.entries(files.trustBundles).map(([domain, path]) => [domain, read(path)]);
  return { ...contents, trustBundles: Object.fromEntries(bundles) };
}

/** Returns the paths of all files. */
function pathsOf(files: TlsFiles): string[] {
  const single = FILES.map((file) => files[file]).filter((path) => path !== undefined);
  return [...single, ...Object.values(files.trustBundles ?? {})];
}

async function readFiles(files: TlsFiles): Promise<Contents> {
  const { readFile } = builtinModule("node:fs").promises;
  const texts = new Map<string, string>();
  for (const path of pathsOf(files)) texts.set(path, await readFile(path, "utf8"));
  return mapFiles(files, (path) => texts.get(path)!);
}

/** Returns the contents; throws a TypeError unless they can be used together. */
function checked(contents: Contents): Contents {
  const { cert, key, ca, trustBundles } = contents;
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError("Cannot watch TLS files: cert and key must be given together");
  }
  if (cert === undefined && ca === undefined && trustBundles === undefined) {
    throw new TypeError("Cannot watch TLS files: none is given; give cert and key, ca, or all");
  }
  if (cert !== undefined && key !== undefined) {
    checkPem("tls.cert", cert, "CERTIFICATE");
    checkPem("tls.key", key, "PRIVATE KEY");
    checkKeyPair(cert, key);
    checkAuthorities("tls.cert", cert);
  }
  if (ca !== undefined) checkAuthorities("tls.ca", ca);
  if (trustBundles !== undefined) checkTrustBundles(trustBundles);
  return contents;
}
