/**
 * TLS options of the programs.
 *
 * @module
 */

import type { KeyObject, X509Certificate } from "node:crypto";
import type { Command } from "commander";
import type { TlsClientOptions, TlsFiles, TlsServerOptions } from "../../src/transport/mod.ts";
import { errorLine, onOff, option, readTextOption, UsageError } from "./program.ts";

/** Options added by {@link addServerTlsOptions}. */
export interface ServerTlsFlags {
  /** Path of the certificate chain. */
  tlsCert?: string;
  /** Path of the private key. */
  tlsKey?: string;
  /** Path of the certificate authorities of clients. */
  tlsClientCa?: string;
}

/** Options added by {@link addClientTlsOptions}. */
export interface ClientTlsFlags {
  /** Whether to use TLS. */
  tls: boolean;
  /** Path of the certificate authorities. */
  tlsCa?: string;
  /** Path of the client's certificate chain. */
  tlsCert?: string;
  /** Path of the client's private key. */
  tlsKey?: string;
  /** Expected name in the server's certificate. */
  tlsServerName?: string;
  /** Whether to skip verification. */
  tlsInsecure: boolean;
}

/** Adds the TLS options of a server. */
export function addServerTlsOptions(command: Command): Command {
  return command
    .addOption(
      option("--tls-cert <file>", "VRPC_TLS_CERT", "certificate chain in PEM; turns TLS on"),
    )
    .addOption(option("--tls-key <file>", "VRPC_TLS_KEY", "private key of the certificate in PEM"))
    .addOption(
      option(
        "--tls-client-ca <file>",
        "VRPC_TLS_CLIENT_CA",
        "certificate authorities in PEM; requires client certificates (mutual TLS)",
      ),
    );
}

/** Adds the TLS options of a client. */
export function addClientTlsOptions(command: Command): Command {
  return command
    .addOption(
      option("--tls <on|off>", "VRPC_TLS", "use TLS; implied by the other --tls-... options", {
        default: false,
        defaultText: "off",
        parse: onOff,
      }),
    )
    .addOption(
      option(
        "--tls-ca <file>",
        "VRPC_TLS_CA",
        "certificate authorities in PEM, in addition to the well-known ones",
      ),
    )
    .addOption(option("--tls-cert <file>", "VRPC_TLS_CERT", "client certificate chain in PEM"))
    .addOption(option("--tls-key <file>", "VRPC_TLS_KEY", "private key of the client certificate"))
    .addOption(
      option(
        "--tls-server-name <name>",
        "VRPC_TLS_SERVER_NAME",
        "expected name in the server's certificate",
      ),
    )
    .addOption(
      option("--tls-insecure <on|off>", "VRPC_TLS_INSECURE", "verify nothing (development only)", {
        default: false,
        defaultText: "off",
        parse: onOff,
      }),
    );
}

/** Reads the files of the TLS options; undefined without TLS. Throws {@link UsageError}. */
async function serverTls(flags: ServerTlsFlags): Promise<TlsServerOptions | undefined> {
  const { tlsCert, tlsKey, tlsClientCa } = flags;
  if (!tlsCert && !tlsKey) {
    if (tlsClientCa) throw new UsageError("--tls-client-ca needs --tls-cert and --tls-key");
    return undefined;
  }
  if (!tlsCert) throw new UsageError("--tls-key needs --tls-cert");
  if (!tlsKey) throw new UsageError("--tls-cert needs --tls-key");
  return {
    ...await readPair(tlsCert, tlsKey),
    ...(tlsClientCa && { clientCa: (await readCertificate("--tls-client-ca", tlsClientCa)).text }),
  };
}

/** Checks the files of the TLS options; returns their paths, undefined without TLS. Throws {@link UsageError}. */
export async function serverTlsFiles(flags: ServerTlsFlags): Promise<TlsFiles | undefined> {
  const { tlsCert: cert, tlsKey: key, tlsClientCa: ca } = flags;
  return await serverTls(flags) && { cert, key, ...(ca && { ca }) };
}

/** Whether one of the TLS options of a client is set. */
export function hasTlsFlags(flags: ClientTlsFlags): boolean {
  const { tls, tlsCa, tlsCert, tlsKey, tlsServerName, tlsInsecure } = flags;
  return tls || tlsInsecure || [tlsCa, tlsCert, tlsKey, tlsServerName].some(Boolean);
}

/** Reads the files of the TLS options; undefined without TLS. Throws {@link UsageError}. */
export async function clientTls(flags: ClientTlsFlags): Promise<TlsClientOptions | undefined> {
  const { tlsCa, tlsCert, tlsKey, tlsServerName, tlsInsecure } = flags;
  if (!hasTlsFlags(flags)) return undefined;
  if (tlsCert && !tlsKey) throw new UsageError("--tls-cert needs --tls-key");
  if (tlsKey && !tlsCert) throw new UsageError("--tls-key needs --tls-cert");
  return {
    ...(tlsCa && { ca: (await readCertificate("--tls-ca", tlsCa)).text }),
    ...(tlsCert && tlsKey && await readPair(tlsCert, tlsKey)),
    ...(tlsServerName && { serverName: tlsServerName }),
    ...(tlsInsecure && { insecure: true }),
  };
}

// The library checks the same, but its errors cannot name the option and the file.
const CERTIFICATE = /-----BEGIN ([A-Z0-9 ]*)CERTIFICATE-----[^]*?-----END \1CERTIFICATE-----/;
const PRIVATE_KEY = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----[^]*?-----END \1PRIVATE KEY-----/;

/** Reads a certificate chain and its key. */
async function readPair(certPath: string, keyPath: string): Promise<{ cert: string; key: string }> {
  const cert = await readCertificate("--tls-cert", certPath);
  const key = await readKey(keyPath);
  if (!isPair(cert.parsed, key.parsed)) {
    throw new UsageError(
      `Cannot use ${keyPath} (--tls-key): it is not the key of ${certPath} (--tls-cert)`,
    );
  }
  return { cert: cert.text, key: key.text };
}

function isPair(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.checkPrivateKey(key);
  } catch {
    // Deno 2.6 does not implement it; the library then compares the keys that it can.
    return true;
  }
}

async function readCertificate(
  flag: string,
  path: string,
): Promise<{ text: string; parsed: X509Certificate }> {
  const text = await readTextOption(flag, path);
  const block = CERTIFICATE.exec(text)?.[0];
  if (block === undefined) {
    throw new UsageError(
      `Cannot use ${path} (${flag}): it contains no PEM certificate ("-----BEGIN CERTIFICATE-----")`,
    );
  }
  // Loaded on demand, because a start without TLS would wait 15 ms for it.
  const { X509Certificate } = await import("node:crypto");
  try {
    return { text, parsed: new X509Certificate(block) };
  } catch (error) {
    throw new UsageError(
      `Cannot use ${path} (${flag}): its certificate is damaged: ${errorLine(error)}`,
    );
  }
}

async function readKey(path: string): Promise<{ text: string; parsed: KeyObject }> {
  const text = await readTextOption("--tls-key", path);
  const block = PRIVATE_KEY.exec(text)?.[0];
  if (block === undefined) {
    throw new UsageError(
      `Cannot use ${path} (--tls-key): it contains no PEM key ("-----BEGIN PRIVATE KEY-----")`,
    );
  }
  if (/ENCRYPTED/.test(block)) {
    throw new UsageError(
      `Cannot use ${path} (--tls-key): the key is encrypted; decrypt it first (openssl pkey)`,
    );
  }
  const { createPrivateKey } = await import("node:crypto");
  try {
    return { text, parsed: createPrivateKey(block) };
  } catch (error) {
    throw new UsageError(`Cannot use ${path} (--tls-key): its key is damaged: ${errorLine(error)}`);
  }
}
