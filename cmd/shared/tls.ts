/**
 * TLS options of the programs.
 *
 * @module
 */

import type { Command } from "commander";
import type { TlsClientOptions, TlsServerOptions } from "../../mod.ts";
import { onOff, option, readTextOption, UsageError } from "./program.ts";

/** What {@link addServerTlsOptions} adds. */
export interface ServerTlsFlags {
  /** Path of the certificate chain. */
  tlsCert?: string;
  /** Path of the private key. */
  tlsKey?: string;
  /** Path of the authorities of clients. */
  tlsClientCa?: string;
}

/** What {@link addClientTlsOptions} adds. */
export interface ClientTlsFlags {
  /** Whether to use TLS. */
  tls: boolean;
  /** Path of the authorities. */
  tlsCa?: string;
  /** Path of the client's certificate chain. */
  tlsCert?: string;
  /** Path of the client's private key. */
  tlsKey?: string;
  /** The name the server's certificate must bear. */
  tlsServerName?: string;
  /** Whether to verify nothing. */
  tlsInsecure: boolean;
}

/** Adds the TLS options of a server. */
export function addServerTlsOptions(command: Command): Command {
  return command
    .addOption(option("--tls-cert <file>", "TLS_CERT", "certificate chain in PEM; turns TLS on"))
    .addOption(option("--tls-key <file>", "TLS_KEY", "private key of the certificate in PEM"))
    .addOption(
      option(
        "--tls-client-ca <file>",
        "TLS_CLIENT_CA",
        "authorities in PEM; clients must show a certificate of theirs (mutual TLS)",
      ),
    );
}

/** Adds the TLS options of a client. */
export function addClientTlsOptions(command: Command): Command {
  return command
    .addOption(
      option("--tls <on|off>", "TLS", "use TLS; any other --tls-... option turns it on", {
        default: false,
        defaultText: "off",
        parse: onOff,
      }),
    )
    .addOption(
      option("--tls-ca <file>", "TLS_CA", "authorities in PEM, beside the well-known ones"),
    )
    .addOption(option("--tls-cert <file>", "TLS_CERT", "client certificate chain in PEM"))
    .addOption(option("--tls-key <file>", "TLS_KEY", "private key of the client certificate"))
    .addOption(
      option("--tls-server-name <name>", "TLS_SERVER_NAME", "name in the server's certificate"),
    )
    .addOption(
      option("--tls-insecure <on|off>", "TLS_INSECURE", "verify nothing (development only)", {
        default: false,
        defaultText: "off",
        parse: onOff,
      }),
    );
}

/** Reads the files that the options name; undefined without TLS. Throws {@link UsageError}. */
export async function serverTls(flags: ServerTlsFlags): Promise<TlsServerOptions | undefined> {
  const { tlsCert, tlsKey, tlsClientCa } = flags;
  if (!tlsCert && !tlsKey) {
    if (tlsClientCa) throw new UsageError("--tls-client-ca needs --tls-cert and --tls-key");
    return undefined;
  }
  if (!tlsCert) throw new UsageError("--tls-key needs --tls-cert");
  if (!tlsKey) throw new UsageError("--tls-cert needs --tls-key");
  return {
    cert: await readTextOption("--tls-cert", tlsCert),
    key: await readTextOption("--tls-key", tlsKey),
    ...(tlsClientCa && { clientCa: await readTextOption("--tls-client-ca", tlsClientCa) }),
  };
}

/** Reads the files that the options name; undefined without TLS. Throws {@link UsageError}. */
export async function clientTls(flags: ClientTlsFlags): Promise<TlsClientOptions | undefined> {
  const { tlsCa, tlsCert, tlsKey, tlsServerName, tlsInsecure } = flags;
  if (!flags.tls && !tlsCa && !tlsCert && !tlsKey && !tlsServerName && !tlsInsecure) {
    return undefined;
  }
  if (tlsCert && !tlsKey) throw new UsageError("--tls-cert needs --tls-key");
  if (tlsKey && !tlsCert) throw new UsageError("--tls-key needs --tls-cert");
  return {
    ...(tlsCa && { ca: await readTextOption("--tls-ca", tlsCa) }),
    ...(tlsCert && { cert: await readTextOption("--tls-cert", tlsCert) }),
    ...(tlsKey && { key: await readTextOption("--tls-key", tlsKey) }),
    ...(tlsServerName && { serverName: tlsServerName }),
    ...(tlsInsecure && { insecure: true }),
  };
}
