/**
 * Credentials of channels: plain text or TLS, with credentials for all calls.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createSecureContext, type PeerCertificate, type SecureContext } from "node:tls";
import type { TlsClientOptions } from "../transport/mod.ts";
import { CallCredentials } from "./call_credentials.ts";
import { defaultRoots } from "./environment.ts";

/** Checks the server's certificate against its name; returns an error to refuse it. */
export type CheckServerIdentityCallback = (
  hostname: string,
  cert: PeerCertificate,
) => Error | undefined;

/** How the server's certificate is verified. */
export interface VerifyOptions {
  /** Replaces the check of the name in the certificate. Default: node:tls's check. */
  checkServerIdentity?: CheckServerIdentityCallback;
  /** Whether certificates that cannot be verified are refused. Default true. */
  rejectUnauthorized?: boolean;
}

/** How a channel uses TLS. */
export interface ChannelSecurity {
  /** Options of this project's TLS; undefined if only node:tls can do it. */
  readonly tls: TlsClientOptions | undefined;
  /** Context of node:tls. */
  readonly context: SecureContext;
  /** How the server's certificate is verified. */
  readonly verify: VerifyOptions;
}

/** Credentials of a channel. */
export abstract class ChannelCredentials {
  /** Returns credentials whose calls have call credentials as well. Throws for credentials without TLS. */
  compose(callCredentials: CallCredentials): ChannelCredentials {
    return new ComposedChannelCredentials(this, callCredentials);
  }

  /** Whether channels use TLS. */
  _isSecure(): boolean {
    return this._security() !== undefined;
  }

  /** Whether both were made from the same parameters. */
  abstract _equals(other: ChannelCredentials): boolean;

  /** Returns how channels use TLS; undefined for plain text. */
  abstract _security(): ChannelSecurity | undefined;

  /** Returns the credentials of all calls. */
  _callCredentials(): CallCredentials {
    return CallCredentials.createEmpty();
  }

  /**
   * Makes credentials with TLS from PEM: authorities (default: GRPC_DEFAULT_SSL_ROOTS_FILE_PATH, then the runtime's), and
   * the client's key and certificate chain, both or none.
   */
  static createSsl(
    rootCerts?: Buffer | null,
    privateKey?: Buffer | null,
    certChain?: Buffer | null,
    verifyOptions?: VerifyOptions,
  ): ChannelCredentials {
    checkBuffer(rootCerts, "Root certificate");
    checkBuffer(privateKey, "Private key");
    checkBuffer(certChain, "Certificate chain");
    if (privateKey && !certChain) {
      throw new Error("Private key must be given with accompanying certificate chain");
    }
    if (!privateKey && certChain) {
      throw new Error("Certificate chain must be given with accompanying private key");
    }
    const ca = rootCerts?.toString("utf8") ?? defaultRoots();
    const key = privateKey?.toString("utf8");
    const cert = certChain?.toString("utf8");
    const verify = verifyOptions ?? {};
    const tls = verify.checkServerIdentity === undefined
      ? { ca, key, cert, insecure: verify.rejectUnauthorized === false }
      : undefined;
    return new SecureChannelCredentials({
      tls,
      context: createSecureContext({ ca, key, cert }),
      verify,
    });
  }

  /** Makes credentials from what `tls.createSecureContext` returned. */
  static createFromSecureContext(
    secureContext: SecureContext,
    verifyOptions?: VerifyOptions,
  ): ChannelCredentials {
    return new SecureChannelCredentials({
      tls: undefined,
      context: secureContext,
      verify: verifyOptions ?? {},
    });
  }

  /** Makes credentials without TLS. */
  static createInsecure(): ChannelCredentials {
    return new InsecureChannelCredentials();
  }
}

function checkBuffer(value: unknown, name: string): void {
  if (value && !Buffer.isBuffer(value)) {
    throw new TypeError(`${name}, if provided, must be a Buffer.`);
  }
}

class InsecureChannelCredentials extends ChannelCredentials {
  override compose(): never {
    throw new Error("Cannot compose insecure credentials");
  }

  _security(): undefined {
    return undefined;
  }

  _equals(other: ChannelCredentials): boolean {
    return other instanceof InsecureChannelCredentials;
  }
}

class SecureChannelCredentials extends ChannelCredentials {
  readonly #security: ChannelSecurity;

  constructor(security: ChannelSecurity) {
    super();
    this.#security = security;
  }

  _security(): ChannelSecurity {
    return this.#security;
  }

  _equals(other: ChannelCredentials): boolean {
    if (!(other instanceof SecureChannelCredentials)) return false;
    const { context, verify } = this.#security;
    return context === other.#security.context &&
      verify.checkServerIdentity === other.#security.verify.checkServerIdentity;
  }
}

class ComposedChannelCredentials extends ChannelCredentials {
  readonly #channel: ChannelCredentials;
  readonly #calls: CallCredentials;

  constructor(channel: ChannelCredentials, calls: CallCredentials) {
    super();
    if (!channel._isSecure()) throw new Error("Cannot compose insecure credentials");
    this.#channel = channel;
    this.#calls = calls;
  }

  override compose(callCredentials: CallCredentials): ChannelCredentials {
    return new ComposedChannelCredentials(this.#channel, this.#calls.compose(callCredentials));
  }

  _security(): ChannelSecurity | undefined {
    return this.#channel._security();
  }

  override _callCredentials(): CallCredentials {
    return this.#channel._callCredentials().compose(this.#calls);
  }

  _equals(other: ChannelCredentials): boolean {
    if (this === other) return true;
    return other instanceof ComposedChannelCredentials &&
      this.#channel._equals(other.#channel) && this.#calls._equals(other.#calls);
  }
}
