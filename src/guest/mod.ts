/**
 * The guest kit: what an enclave without a network needs from its parent. The parent serves an egress proxy, through which
 * the enclave reaches the hosts and ports that are listed:
 *
 * ```ts ignore
 * // On the parent
 * import { serveEgress } from "@vrpc/vrpc/guest";
 * await serveEgress("vsock:any:8000", { allow: ["kms.eu-west-1.amazonaws.com:443"] });
 *
 * // In the enclave
 * import { dialEgress } from "@vrpc/vrpc/guest";
 * const stream = await dialEgress("vsock:parent:8000", "kms.eu-west-1.amazonaws.com:443", { tls: true });
 * ```
 *
 * @module
 */

export { dialEgress, type DialEgressOptions } from "./egress/client.ts";
export { type EgressForwarder, forwardEgress, type ForwardOptions } from "./egress/forward.ts";
export type { EgressOptions } from "./egress/options.ts";
export { EgressProxy, type EgressStats, serveEgress } from "./egress/proxy.ts";
export { receiveStartup, type ReceiveStartupOptions } from "./startup/receive.ts";
export { sendStartup, type SendStartupOptions, type StartupContents } from "./startup/send.ts";
export { StartupData } from "./startup/startup_data.ts";
export {
  type ClockWatch,
  measureClock,
  type MeasureClockOptions,
  watchClock,
  type WatchClockOptions,
} from "./clock/measure.ts";
export type { ClockOffset } from "./clock/offset.ts";
export { addClock } from "./clock/serve.ts";
export { forwardCalls } from "./ingress/forward_calls.ts";
export { addLogReceiver, type GuestLogRecord, type LogReceiverOptions } from "./logs/receive.ts";
export {
  type LogShipper,
  shipLogs,
  type ShipLogsOptions,
  type ShipLogsStats,
} from "./logs/ship.ts";
