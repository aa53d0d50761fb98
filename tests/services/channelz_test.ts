import assert from "node:assert/strict";
import { connect, serve, Status } from "../../mod.ts";
import { addChannelz, enableChannelz } from "../../src/services/mod.ts";
import {
  type Address_TcpIpAddress,
  ChannelConnectivityState_State as State,
  Channelz,
} from "../../src/services/descriptors/channelz.ts";
import { failure } from "../../src/testing/failure.ts";
import type { Format } from "../../cmd/vrpc/error_text.ts";
import { channelz } from "../../cmd/vrpc/channelz.ts";
import { EMPTY } from "../fixtures/bytes.ts";

/** A server with channelz, and a channel to it that has made two good calls and a failed one. */
async function start(wire: "grpc" | "lean") {
  enableChannelz();
  const server = await serve("127.0.0.1:0", (router) => {
    addChannelz(router);
    router.method("/echo", {}, (request) => request);
  });
  const channel = connect(server.addresses[0], { wire });
  await channel.call("/echo", EMPTY);
  await channel.call("/echo", EMPTY);
  await failure(channel.call("/missing", EMPTY));
  const viewer = connect(server.addresses[0]);
  const ask = viewer.client(Channelz);
  return {
    ...{ server, channel, viewer, ask },
    async mine() {
      const { channel: all } = await ask.getTopChannels({});
      return all.find((one) => one.data?.target === server.addresses[0])!;
    },
    async [Symbol.asyncDispose]() {
      await channel.close();
      await viewer.close();
      await server.close();
    },
  };
}

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`channels, subchannels and sockets with their calls: ${wire}`, async () => {
    await using rig = await start(wire);
    const { ask } = rig;
    const one = await rig.mine();
    assert.equal(one.data!.state?.state, State.READY);
    assert.deepEqual(
      [one.data!.callsStarted, one.data!.callsSucceeded, one.data!.callsFailed],
      [3n, 2n, 1n],
    );
    const events = one.data!.trace!.events.map((event) => event.description);
    assert.deepEqual(events, [
      "Channel created",
      "Connectivity change to CONNECTING",
      "Subchannel created",
      "Connectivity change to READY",
    ]);
    const again = await ask.getChannel({ channelId: one.ref!.channelId });
    assert.equal(again.channel?.ref?.channelId, one.ref!.channelId);

    const [{ subchannelId }] = one.subchannelRef;
    const { subchannel } = await ask.getSubchannel({ subchannelId });
    assert.equal(subchannel!.data!.callsSucceeded, 2n);
    const [{ socketId, name }] = subchannel!.socketRef;
    assert.equal(name, rig.server.addresses[0]);
    const { socket } = await ask.getSocket({ socketId });
    const { data, remote } = socket!;
    assert.deepEqual([data!.streamsStarted, data!.streamsSucceeded, data!.streamsFailed], [
      3n,
      2n,
      1n,
    ]);
    assert.equal(data!.messagesReceived, 2n);
    assert.ok(data!.lastLocalStreamCreatedTimestamp);
    const { ipAddress } = remote!.address.value as Address_TcpIpAddress;
    assert.deepEqual(ipAddress, new Uint8Array([127, 0, 0, 1]));
  });

  Deno.test(`servers, their sockets and calls: ${wire}`, async () => {
    await using rig = await start(wire);
    const { ask } = rig;
    const { server: all } = await ask.getServers({});
    const mine = all.find((one) => one.listenSocket[0]?.name === rig.server.addresses[0])!;
    const { serverId } = mine.ref!;
    assert.ok(mine.data!.callsStarted >= 4n);
    assert.equal(mine.data!.callsFailed, 1n);
    const listen = await ask.getSocket({ socketId: mine.listenSocket[0].socketId });
    assert.equal(listen.socket?.ref?.name, rig.server.addresses[0]);
    const { socketRef, end } = await ask.getServerSockets({ serverId });
    assert.equal(socketRef.length, 2);
    assert.ok(end);
    const sockets = await Promise.all(
      socketRef.map(({ socketId }) => ask.getSocket({ socketId })),
    );
    const option = sockets.map(({ socket }) => socket!.data!.option[0].value);
    assert.deepEqual(option.sort(), ["grpc", wire].sort());
    const failed = sockets.map(({ socket }) => socket!.data!.streamsFailed);
    assert.deepEqual(failed.sort(), [0n, 1n]);
  });
}

Deno.test("pages begin at an id, and unknown ids are NOT_FOUND", async () => {
  await using rig = await start("grpc");
  const { ask } = rig;
  const { channel: all } = await ask.getTopChannels({});
  assert.ok(all.length >= 2);
  const first = await ask.getTopChannels({ maxResults: 1n });
  assert.equal(first.channel.length, 1);
  assert.equal(first.end, false);
  const startChannelId = all.at(-1)!.ref!.channelId;
  const last = await ask.getTopChannels({ startChannelId });
  assert.deepEqual(last.channel.map((one) => one.ref!.channelId), [startChannelId]);
  assert.equal(last.end, true);
  const id = 999_999_999n;
  for (
    const call of [
      ask.getChannel({ channelId: id }),
      ask.getSubchannel({ subchannelId: id }),
      ask.getServer({ serverId: id }),
      ask.getServerSockets({ serverId: id }),
      ask.getSocket({ socketId: id }),
    ]
  ) {
    const error = await failure(call as Promise<unknown>);
    assert.equal(error.code, Status.NOT_FOUND);
    assert.match(error.message, /with id 999999999/);
  }
});

Deno.test("what is closed is gone, and failures of connections are events", async () => {
  await using rig = await start("grpc");
  const address = rig.server.addresses[0];
  const doomed = connect("127.0.0.1:1");
  await failure(doomed.call("/echo", EMPTY));
  const find = async (target: string) =>
    (await rig.ask.getTopChannels({})).channel.find((one) => one.data?.target === target);
  const shown = (await find("127.0.0.1:1"))!;
  assert.equal(shown.data!.state!.state, State.TRANSIENT_FAILURE);
  const [{ subchannelId }] = shown.subchannelRef;
  const { subchannel } = await rig.ask.getSubchannel({ subchannelId });
  const event = subchannel!.data!.trace!.events.at(-1)!;
  assert.match(event.description, /TRANSIENT_FAILURE: .*127\.0\.0\.1:1/);
  await doomed.close();
  assert.equal(await find("127.0.0.1:1"), undefined);
  await rig.channel.close();
  const { channel: left } = await rig.ask.getTopChannels({});
  assert.equal(left.filter((one) => one.data?.target === address).length, 1);
});

Deno.test("vrpc channelz shows tables, one thing by its id, and JSON", async () => {
  await using rig = await start("grpc");
  const show = async (what?: string, format: Format = "text") => {
    const lines: string[] = [];
    const print = (line: string) => void lines.push(line);
    await channelz(rig.viewer, { what, format, options: {}, print });
    return lines;
  };
  const all = (await show()).join("\n");
  assert.match(all, /^CHANNEL +TARGET +STATE +CALLS +OK +FAILED +LAST CALL +SUBCHANNELS$/m);
  assert.match(all, /^SERVER +LISTENS ON +CALLS/m);
  const mine = await rig.mine();
  const id = String(mine.ref!.channelId);
  const one = (await show(id)).join("\n");
  assert.match(one, new RegExp(`^${id} +127\\.0\\.0\\.1:\\d+ +READY +3 +2 +1 `, "m"));
  assert.match(one, /^SUBCHANNEL +ADDRESS/m);
  assert.match(one, /INFO +Connectivity change to READY/);
  const socket = (await show(String(mine.subchannelRef[0].subchannelId))).join("\n");
  assert.match(socket, /^\d+ +127\.0\.0\.1:\d+ +127\.0\.0\.1:\d+ +3 +2 +1 /m);
  assert.ok((await show("sockets")).length >= 4);
  const json = (await show("channels", "json")).map((line) => JSON.parse(line));
  assert.ok(json.some((parsed) => parsed.ref.channelId === id));
  assert.equal((await failure(show("999999999"))).code, Status.NOT_FOUND);
});
