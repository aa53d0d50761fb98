/**
 * Credentials of servers: plain text or TLS.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { TlsServerOptions } from "../transport/mod.ts";
import { defaultRoots } from "./environment.ts";
import type { ServerInterceptor } from "./server_interceptors.ts";

/** Key and certificate chain of a server, in PEM. */
export interface KeyCertPair {
  /** Private key. */
  private_key: Buffer;
  /** Certificate chain, the server's own certificate first. */
  cert_chain: Buffer;
}

/** Credentials of a server's address. */
export abstract class ServerCredentials {
  /** Whether the address uses TLS. */
  _isSecure(): boolean {
    return this._tls() !== undefined;
  }

  /** Returns the options of TLS; undefined for plain text. */
  abstract _tls(): TlsServerOptions | undefined;

  /** Returns interceptors of calls on the address. */
  _getInterceptors(): ServerInterceptor[] {
    return [];
  }

  /** Whether both were made from the same parameters. */
  abstract _equals(other: ServerCredentials): boolean;

  /** Makes credentials without TLS. */
  static createInsecure(): ServerCredentials {
    return new InsecureServerCredentials();
  }

  /**
   * Makes credentials with TLS from PEM: authorities that verify client certificates, null for those of
   * GRPC_DEFAULT_SSL_ROOTS_FILE_PATH; keys with certificates, one for each type of key (Deno uses the first alone); and
   * whether clients must have a certificate, which fails the bind if there are no authorities.
   */
  static createSsl(
    rootCerts: Buffer | null,
    keyCertPairs: KeyCertPair[],
    checkClientCertificate = false,
  ): ServerCredentials {
    if (rootCerts !== null && !Buffer.isBuffer(rootCerts)) {
      throw new TypeError("rootCerts must be null or a Buffer");
    }
    if (!Array.isArray(keyCertPairs)) throw new TypeError("keyCertPairs must be an array");
    if (typeof checkClientCertificate !== "boolean") {
      throw new TypeError("checkClientCertificate must be a boolean");
    }
    keyCertPairs.forEach(checkPair);
    return new SecureServerCredentials(rootCerts, [...keyCertPairs], checkClientCertificate);
  }
}

function checkPair(pair: KeyCertPair, i: number): void {
  if (pair === null || typeof pair !== "object") {
    throw new TypeError(`keyCertPair[${i}] must be an object`);
  }
  if (!Buffer.isBuffer(pair.private_key)) {
    throw new TypeError(`keyCertPair[${i}].private_key must be a Buffer`);
  }
  if (!Buffer.isBuffer(pair.cert_chain)) {
    throw new TypeError(`keyCertPair[${i}].cert_chain must be a Buffer`);
  }
}

class InsecureServerCredentials extends ServerCredentials {
  _tls(): undefined {
    return undefined;
  }

  _equals(other: ServerCredentials): boolean {
    return other instanceof InsecureServerCredentials;
  }
}

class SecureServerCredentials extends ServerCredentials {
  readonly #roots: Buffer | null;
  readonly #pairs: readonly KeyCertPair[];
  readonly #checkClients: boolean;

  constructor(roots: Buffer | null, pairs: readonly KeyCertPair[], checkClients: boolean) {
    super();
    this.#roots = roots;
    this.#pairs = pairs;
    this.#checkClients = checkClients;
  }

  override _isSecure(): boolean {
    return true;
  }

  #clientCa(): string {
    const authorities = this.#roots?.toString("utf8") ?? defaultRoots();
    if (authorities !== undefined) return authorities;
    // Without authorities, clients without a certificate would be accepted.
    throw new Error(
      "checkClientCertificate needs authorities: pass rootCerts, or set GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    );
  }

  _tls(): TlsServerOptions {
    if (this.#pairs.length === 0) throw new Error("keyCertPairs has no key");
    const [first, ...alternatives] = this.#pairs.map(({ cert_chain, private_key }) => ({
      cert: cert_chain.toString("utf8"),
      key: private_key.toString("utf8"),
    }));
    return {
      ...first,
      alternatives,
      clientCa: this.#checkClients ? this.#clientCa() : undefined,
    };
  }

  _equals(other: ServerCredentials): boolean {
    if (this === other) return true;
    if (!(other instanceof SecureServerCredentials)) return false;
    const pairs = other.#pairs;
    return sameBytes(this.#roots, other.#roots) && this.#checkClients === other.#checkClients &&
      this.#pairs.length === pairs.length &&
      this.#pairs.every((pair, i) =>
        pair.private_key.equals(pairs[i].private_key) &&
        pair.cert_chain.equals(pairs[i].cert_chain)
      );
  }
}

function sameBytes(one: Buffer | null, other: Buffer | null): boolean {
  return one === other || one !== null && other !== null && one.equals(other);
}

class InterceptedServerCredentials extends ServerCredentials {
  readonly #inner: ServerCredentials;
  readonly #interceptors: ServerInterceptor[];

  constructor(inner: ServerCredentials, interceptors: ServerInterceptor[]) {
    super();
    this.#inner = inner;
    this.#interceptors = interceptors;
  }

  override _isSecure(): boolean {
    return this.#inner._isSecure();
  }

  _tls(): TlsServerOptions | undefined {
    return this.#inner._tls();
  }

  override _getInterceptors(): ServerInterceptor[] {
    return this.#interceptors;
  }

  _equals(other: ServerCredentials): boolean {
    if (!(other instanceof InterceptedServerCredentials)) return false;
    const interceptors = other.#interceptors;
    return this.#inner._equals(other.#inner) &&
      this.#interceptors.length === interceptors.length &&
      this.#interceptors.every((one, i) => one === interceptors[i]);
  }
}

/** Returns credentials whose address has interceptors of its own, inside those of the server. */
export function createServerCredentialsWithInterceptors(
  credentials: ServerCredentials,
  interceptors: ServerInterceptor[],
): ServerCredentials {
  return new InterceptedServerCredentials(credentials, interceptors);
}
