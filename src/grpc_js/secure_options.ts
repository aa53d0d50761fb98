/**
 * TLS of a channel: by this project's options, or by node:tls where credentials have a context or a check of their own.
 *
 * @module
 */

import type { ChannelOptions as NativeChannelOptions } from "../rpc/channel/options.ts";
import { dial, parseAddress } from "../transport/mod.ts";
import { secureClient } from "../transport/tls_client.ts";
import type { ChannelSecurity } from "./channel_credentials.ts";
import type { ChannelOptions } from "./options.ts";

/** Returns the options of a channel with TLS to an address. */
export function secureOptions(
  address: string,
  security: ChannelSecurity,
  options: ChannelOptions,
): NativeChannelOptions {
  const override = options["grpc.ssl_target_name_override"];
  const parsed = parseAddress(address);
  const host = "host" in parsed ? parsed.host : "localhost";
  const authority = options["grpc.default_authority"] ??
    ("host" in parsed ? address.replace(/^dns:(\/\/[^/]*\/)?/, "") : "localhost");
  if (security.tls !== undefined) {
    const { ca, cert, key, insecure } = security.tls;
    const tls = { insecure, serverName: override ?? host };
    return {
      authority,
      tls: { ...tls, ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) },
    };
  }
  const { context, verify } = security;
  return {
    authority,
    dial: async (to, { signal, timeoutMs }) =>
      await secureClient(await dial(to, { signal, timeoutMs }), {
        tls: { insecure: verify.rejectUnauthorized === false },
        alpn: ["h2"],
        serverName: override ?? host,
        context,
        checkServerIdentity: verify.checkServerIdentity,
      }),
  };
}
