/**
 * What the host program does for its guests beside HTTP and egress: start-up call, logs, clocks, shared links.
 *
 * @module
 */

import type { Command } from "commander";
import { type Channel, connect, serve, type Server } from "../../mod.ts";
import { addLogReceiver, type ClockWatch, forwardCalls, watchClock } from "../../src/guest/mod.ts";
import type { TlsClientOptions } from "../../src/transport/mod.ts";
import { checkAddress, checkAddressList, checkTarget } from "../shared/addresses.ts";
import { list, option, wholeNumber } from "../shared/program.ts";
import type { SendStartupFlags } from "../shared/startup.ts";

/** Options added by {@link addGuestOptions}. */
export interface GuestFlags extends SendStartupFlags {
  /** Addresses at which gRPC and lean calls are forwarded to the guests. */
  ingress?: string[];
  /** Address that takes log records. */
  logs?: string;
  /** Context ids that may connect to it. */
  guestCid?: number[];
  /** Time between measurements of the clocks, in ms; 0 for none. */
  clockIntervalMs: number;
  /** Largest offset without a warning, in ms. */
  maxClockSkewMs: number;
}

/** Adds the options. */
export function addGuestOptions(command: Command): Command {
  return addClockOptions(command)
    .addOption(
      option(
        "--ingress <address>",
        "VRPC_INGRESS",
        "forward gRPC and lean calls from there to the enclave; default: off",
        { parse: list(), accepts: checkAddressList },
      ),
    )
    .addOption(
      option("--logs <address>", "VRPC_LOGS", "take log records of enclaves there; default: off", {
        accepts: checkAddress,
      }),
    )
    .addOption(
      option("--startup <address>", "VRPC_STARTUP", "send the start-up call there; default: none", {
        accepts: checkTarget,
      }),
    )
    .addOption(
      option(
        "--startup-config <file>",
        "VRPC_STARTUP_CONFIG",
        "configuration of that call, in JSON",
      ),
    )
    .addOption(
      option(
        "--startup-secret <name=file>",
        "VRPC_STARTUP_SECRET",
        "secret of that call; may be repeated",
        { parse: list() },
      ),
    )
    .addOption(
      option(
        "--startup-timeout-ms <ms>",
        "VRPC_STARTUP_TIMEOUT_MS",
        "time for the enclave to boot and take that call",
        { default: 60_000, parse: wholeNumber(1, 3_600_000) },
      ),
    );
}

function addClockOptions(command: Command): Command {
  return command
    .addOption(
      option(
        "--clock-interval-ms <ms>",
        "VRPC_CLOCK_INTERVAL_MS",
        "time between measurements of the enclave's clock; 0 for none",
        { default: 60_000, parse: wholeNumber(0, 2 ** 31 - 1) },
      ),
    )
    .addOption(
      option(
        "--max-clock-skew-ms <ms>",
        "VRPC_MAX_CLOCK_SKEW_MS",
        "offset of that clock above which a warning is logged",
        { default: 300_000, parse: wholeNumber(0, 2 ** 31 - 1) },
      ),
    );
}

/** What runs for the guests. */
export interface GuestServices {
  /** Clocks that are measured, one for each guest. */
  readonly clocks: readonly ClockWatch[];
  /** Stops all of it. Never rejects. */
  shutdown(options: { graceMs: number }): Promise<void>;
}

/** Starts what the options ask for; prints "logs ADDRESS" and "ingress ADDRESS". */
export async function startGuestServices(
  flags: GuestFlags,
  enclaves: readonly string[],
  channel: Channel,
  tls: TlsClientOptions | undefined,
): Promise<GuestServices> {
  const servers: Server[] = [];
  if (flags.logs !== undefined) {
    const server = await serve(flags.logs, (router) => addLogReceiver(router), {
      allowVsockCids: flags.guestCid,
    });
    servers.push(server);
    console.log(`logs ${server.addresses[0]}`);
  }
  if (flags.ingress !== undefined) {
    const server = await serve(flags.ingress, () => {}, { dispatcher: forwardCalls(channel) });
    servers.push(server);
    for (const address of server.addresses) console.log(`ingress ${address}`);
  }
  // The shared channel would choose one of several guests for each call.
  const links = flags.clockIntervalMs === 0
    ? []
    : enclaves.map((target) => ({ target, channel: connect(target, { tls }) }));
  const clocks = links.map(({ target, channel }) =>
    watchClock(channel, {
      target,
      intervalMs: Math.max(100, flags.clockIntervalMs),
      maxSkewMs: flags.maxClockSkewMs,
    })
  );
  return {
    clocks,
    async shutdown(options) {
      for (const clock of clocks) clock.stop();
      await Promise.all([
        ...servers.map((server) => server.shutdown(options)),
        ...links.map(({ channel }) => channel.close()),
      ]);
    },
  };
}
