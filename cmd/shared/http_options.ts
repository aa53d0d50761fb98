/**
 * Options of the HTTP addresses of programs, without what serves there: a program without metrics starts without
 * loading them.
 *
 * @module
 */

import { type Command, InvalidArgumentError, type Option } from "commander";
import { allowedHosts, type HostCheck } from "../../src/gateway/allowed_hosts.ts";
import { errorLine, list, option, UsageError } from "./program.ts";

/** Options added by {@link addMetricsOption}. */
export interface MetricsFlags {
  /** Address to serve metrics on; undefined for no metrics. */
  metricsAddr?: string;
  /** Further hosts that requests for metrics may name. */
  metricsAllowHost?: string[];
}

/** Option that allows further hosts in requests for metrics. */
export const METRICS_ALLOW_HOST = "--metrics-allow-host";

/** Adds `--metrics-addr`. */
export function addMetricsOption(command: Command): Command {
  return command.addOption(
    option(
      "--metrics-addr <host:port>",
      "VRPC_METRICS_ADDR",
      "answer GET /metrics there; default: off",
      {
        parse(text) {
          if (parseHttpAddress(text) !== undefined) return text;
          throw new InvalidArgumentError("It must have the form 127.0.0.1:9464.");
        },
      },
    ),
  ).addOption(allowHostOption(METRICS_ALLOW_HOST, "VRPC_METRICS_ALLOW_HOST"));
}

/** Creates the option with further hosts that HTTP requests may name. */
export function allowHostOption(flag: string, variable: string): Option {
  return option(
    `${flag} <host>`,
    variable,
    "further Host to answer to: name, name:port or * for any; may be repeated",
    { parse: hosts() },
  );
}

function hosts(): (text: string) => string[] {
  const read = list();
  return (text) => {
    const allow = read(text);
    try {
      allowedHosts({ hostname: "127.0.0.1", port: 0, allow });
    } catch (error) {
      throw new InvalidArgumentError(errorLine(error));
    }
    return allow;
  };
}

/**
 * Creates the check of Host and Origin for a listener. `name` is the address as it was given, `option` the flag that
 * allows further hosts.
 */
export function hostCheckOf(
  { hostname, port }: HttpAddress,
  { name, option, allow = [] }: { name: string; option: string; allow?: readonly string[] },
): HostCheck {
  const given = hostAndPort({ hostname: name, port });
  return allowedHosts({ hostname, port, allow: [given, ...allow], option });
}

/** Where an HTTP server listens. */
export interface HttpAddress {
  /** Name or IP address, IPv6 without brackets. */
  readonly hostname: string;
  /** Port; 0 lets the system choose. */
  readonly port: number;
}

/** Formats an address as `host:port`. */
export function hostAndPort({ hostname, port }: HttpAddress): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/** Parses host and port of an option. Throws {@link UsageError}. */
export function httpAddress(text: string, flag: string): HttpAddress {
  const address = parseHttpAddress(text);
  if (address !== undefined) return address;
  throw new UsageError(`Cannot use address ${text} (${flag}): use the form 127.0.0.1:1323`);
}

function parseHttpAddress(text: string): HttpAddress | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:\s]*)):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) return undefined;
  return { hostname: match[1] ?? (match[2] || "0.0.0.0"), port };
}
