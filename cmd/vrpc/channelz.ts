/**
 * Channels, servers and connections of a process, by `grpc.channelz.v1.Channelz`.
 *
 * @module
 */

import { type DescMessage, type MessageShape, toJson } from "@bufbuild/protobuf";
import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { printable, printableJson } from "../../src/call/printable.ts";
import { type CallOptions, type Channel, type Client, RpcError, Status } from "../../mod.ts";
import {
  type Address,
  type Channel as ShownChannel,
  ChannelConnectivityState_State as State,
  type ChannelData,
  ChannelSchema,
  type ChannelTrace,
  ChannelTraceEvent_Severity as Severity,
  Channelz,
  type Server,
  ServerSchema,
  type Socket,
  SocketSchema,
  type Subchannel,
  SubchannelSchema,
} from "../../src/services/descriptors/channelz.ts";
import type { Format } from "./error_text.ts";

/** What to show: everything, all of a kind, or what an id names. */
export interface ChannelzJob {
  readonly what: string | undefined;
  readonly format: Format;
  readonly options: CallOptions;
  /** Takes each line. Default: standard output. */
  print?(line: string): void;
}

type Ask = Client<typeof Channelz>;
type Printer = <D extends DescMessage>(
  desc: D,
  all: MessageShape<D>[],
  text: () => string[],
) => void;

/** Prints what was asked for. Rejects with RpcError, NOT_FOUND for an unknown id. */
export async function channelz(channel: Channel, job: ChannelzJob): Promise<void> {
  const ask = channel.client(Channelz);
  const { what, options, format, print = console.log } = job;
  const show: Printer = (desc, all, text) => {
    const lines = format === "json" ? all.map((one) => printableJson(toJson(desc, one))) : text();
    for (const line of lines) print(line);
  };
  const is = (kind: string) => what === undefined || what === kind;
  if (is("channels")) {
    const channels = await allChannels(ask, options);
    show(ChannelSchema, channels, () => channelTable(channels));
  }
  if (what === undefined && format !== "json") print("");
  if (is("servers")) {
    const servers = await allServers(ask, options);
    show(ServerSchema, servers, () => serverTable(servers));
  }
  if (what === "sockets") {
    const sockets = await allSockets(ask, options);
    show(SocketSchema, sockets, () => socketTable(sockets));
  }
  if (what !== undefined && /^[0-9]+$/.test(what)) await showId(ask, BigInt(what), job, show);
}

async function showId(
  ask: Ask,
  id: bigint,
  { options }: ChannelzJob,
  show: Printer,
): Promise<void> {
  const channel = await known(ask.getChannel({ channelId: id }, options));
  if (channel?.channel !== undefined) {
    const { channel: one } = channel;
    const parts = await Promise.all(
      one.subchannelRef.map(async ({ subchannelId }) =>
        (await known(ask.getSubchannel({ subchannelId }, options)))?.subchannel
      ),
    );
    const subchannels = parts.filter((part) => part !== undefined);
    return show(ChannelSchema, [one], () => [
      ...channelTable([one]),
      ...section("Subchannels", subchannelTable(subchannels)),
      ...traceTable(one.data?.trace),
    ]);
  }
  const subchannel = (await known(ask.getSubchannel({ subchannelId: id }, options)))?.subchannel;
  if (subchannel !== undefined) {
    const sockets = await socketsOf(ask, subchannel.socketRef, options);
    return show(SubchannelSchema, [subchannel], () => [
      ...subchannelTable([subchannel]),
      ...section("Sockets", socketTable(sockets)),
      ...traceTable(subchannel.data?.trace),
    ]);
  }
  const server = (await known(ask.getServer({ serverId: id }, options)))?.server;
  if (server !== undefined) {
    const sockets = await serverSockets(ask, id, options);
    return show(ServerSchema, [server], () => [
      ...serverTable([server]),
      ...section("Sockets", socketTable(sockets)),
      ...traceTable(server.data?.trace),
    ]);
  }
  const { socket } = await ask.getSocket({ socketId: id }, options);
  if (socket !== undefined) show(SocketSchema, [socket], () => socketTable([socket]));
}

/** The reply, or undefined if the id names something else. */
async function known<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (error instanceof RpcError && error.code === Status.NOT_FOUND) return undefined;
    throw error;
  }
}

// ---- all of a kind ---------------------------------------------------------------------------------------

async function allChannels(ask: Ask, options: CallOptions): Promise<ShownChannel[]> {
  const all: ShownChannel[] = [];
  for (let startChannelId = 0n;;) {
    const { channel, end } = await ask.getTopChannels({ startChannelId }, options);
    all.push(...channel);
    if (end || channel.length === 0) return all;
    startChannelId = (channel.at(-1)!.ref?.channelId ?? 0n) + 1n;
  }
}

async function allServers(ask: Ask, options: CallOptions): Promise<Server[]> {
  const all: Server[] = [];
  for (let startServerId = 0n;;) {
    const { server, end } = await ask.getServers({ startServerId }, options);
    all.push(...server);
    if (end || server.length === 0) return all;
    startServerId = (server.at(-1)!.ref?.serverId ?? 0n) + 1n;
  }
}

async function serverSockets(ask: Ask, serverId: bigint, options: CallOptions): Promise<Socket[]> {
  const all: Socket[] = [];
  for (let startSocketId = 0n;;) {
    const { socketRef, end } = await ask.getServerSockets({ serverId, startSocketId }, options);
    all.push(...await socketsOf(ask, socketRef, options));
    if (end || socketRef.length === 0) return all;
    startSocketId = socketRef.at(-1)!.socketId + 1n;
  }
}

async function allSockets(ask: Ask, options: CallOptions): Promise<Socket[]> {
  const all: Socket[] = [];
  for (const { subchannelRef } of await allChannels(ask, options)) {
    for (const { subchannelId } of subchannelRef) {
      const reply = await known(ask.getSubchannel({ subchannelId }, options));
      all.push(...await socketsOf(ask, reply?.subchannel?.socketRef ?? [], options));
    }
  }
  for (const { ref } of await allServers(ask, options)) {
    all.push(...await serverSockets(ask, ref?.serverId ?? 0n, options));
  }
  return all;
}

/** The sockets that are still open. */
async function socketsOf(
  ask: Ask,
  refs: readonly { readonly socketId: bigint }[],
  options: CallOptions,
): Promise<Socket[]> {
  const replies = await Promise.all(
    refs.map(({ socketId }) => known(ask.getSocket({ socketId }, options))),
  );
  return replies.map((reply) => reply?.socket).filter((socket) => socket !== undefined);
}

// ---- tables ----------------------------------------------------------------------------------------------

const CALLS = ["CALLS", "OK", "FAILED", "LAST CALL"];

function callCells(
  data:
    | Pick<
      ChannelData,
      "callsStarted" | "callsSucceeded" | "callsFailed" | "lastCallStartedTimestamp"
    >
    | undefined,
): string[] {
  const { callsStarted = 0n, callsSucceeded = 0n, callsFailed = 0n } = data ?? {};
  const counts = [callsStarted, callsSucceeded, callsFailed].map(String);
  return [...counts, timeText(data?.lastCallStartedTimestamp)];
}

function channelTable(channels: readonly ShownChannel[]): string[] {
  return table(
    ["CHANNEL", "TARGET", "STATE", ...CALLS, "SUBCHANNELS"],
    channels.map((one) => [
      String(one.ref?.channelId ?? ""),
      one.data?.target ?? "",
      stateText(one.data),
      ...callCells(one.data),
      one.subchannelRef.map(({ subchannelId }) => subchannelId).join(","),
    ]),
  );
}

function subchannelTable(subchannels: readonly Subchannel[]): string[] {
  return table(
    ["SUBCHANNEL", "ADDRESS", "STATE", ...CALLS, "SOCKETS"],
    subchannels.map((one) => [
      String(one.ref?.subchannelId ?? ""),
      one.data?.target ?? "",
      stateText(one.data),
      ...callCells(one.data),
      one.socketRef.map(({ socketId }) => socketId).join(","),
    ]),
  );
}

function serverTable(servers: readonly Server[]): string[] {
  return table(
    ["SERVER", "LISTENS ON", ...CALLS],
    servers.map((one) => [
      String(one.ref?.serverId ?? ""),
      one.listenSocket.map(({ name }) => name).join(", "),
      ...callCells(one.data),
    ]),
  );
}

function socketTable(sockets: readonly Socket[]): string[] {
  const titles = ["SOCKET", "LOCAL", "REMOTE", "STREAMS", "OK", "FAILED", "SENT", "RECEIVED"];
  return table(
    [...titles, "SECURITY"],
    sockets.map(({ ref, local, remote, data, security }) => [
      String(ref?.socketId ?? ""),
      addressText(local),
      addressText(remote),
      ...[data?.streamsStarted, data?.streamsSucceeded, data?.streamsFailed].map((n) =>
        `${n ?? 0}`
      ),
      ...[data?.messagesSent, data?.messagesReceived].map((n) => `${n ?? 0}`),
      security?.model.case ?? "",
    ]),
  );
}

function traceTable(trace: ChannelTrace | undefined): string[] {
  if (trace === undefined || trace.events.length === 0) return [];
  const rows = trace.events.map((event) => [
    timeText(event.timestamp),
    (Severity[event.severity] ?? "").replace("CT_", ""),
    event.childRef.case === "subchannelRef"
      ? `${event.description} (${event.childRef.value.subchannelId})`
      : event.description,
  ]);
  return section("Events", table(["TIME", "SEVERITY", "EVENT"], rows));
}

function section(title: string, lines: readonly string[]): string[] {
  return ["", `${title}:`, ...lines];
}

/** Widest column that others are aligned to. */
const MAX_WIDTH = 60;

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const lines = [titles, ...rows.map((row) => row.map(printable))];
  const widths = titles.map((_, i) =>
    Math.min(Math.max(...lines.map((l) => l[i].length)), MAX_WIDTH)
  );
  return lines.map((line) => line.map((cell, i) => cell.padEnd(widths[i])).join("  ").trimEnd());
}

function stateText(data: ChannelData | undefined): string {
  return State[data?.state?.state ?? State.UNKNOWN] ?? "UNKNOWN";
}

function timeText(time: Timestamp | undefined): string {
  if (time === undefined) return "never";
  return new Date(timestampMs(time)).toISOString();
}

function addressText(address: Address | undefined): string {
  const one = address?.address;
  switch (one?.case) {
    case "tcpipAddress":
      return `${ipText(one.value.ipAddress)}:${one.value.port}`;
    case "udsAddress":
      return `unix:${one.value.filename}`;
    case "otherAddress":
      return one.value.name;
    default:
      return "";
  }
}

function ipText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from(
    { length: bytes.length >> 1 },
    (_, i) => (bytes[2 * i] << 8 | bytes[2 * i + 1]).toString(16),
  );
  return `[${groups.join(":")}]`;
}
