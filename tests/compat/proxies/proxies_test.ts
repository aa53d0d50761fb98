import assert from "node:assert/strict";
import { type Channel, connect, serve } from "../../../mod.ts";
import { TestService } from "../../../proto/gen/grpc/testing/testing_pb.ts";
import { CASES } from "../interop/cases.ts";
import { collect, zeros } from "../interop/helpers.ts";
import { addTestService } from "../interop/service.ts";
import { webSocketStream } from "../../fixtures/websocket_stream.ts";
import { findProgram, PROXIES, startProxy, WEBSOCKET_PROXIES } from "./proxy.ts";

const BIG = 3 * 1024 * 1024;

/** Calls of all kinds with messages of many frames, larger than any initial window. */
const BIG_MESSAGES: Record<string, (channel: Channel) => Promise<void>> = {
  async "big unary"(channel) {
    const reply = await channel.client(TestService).unaryCall({
      responseSize: BIG,
      payload: zeros(BIG),
    });
    assert.equal(reply.payload?.body.length, BIG);
  },
  async "big client streaming"(channel) {
    async function* requests() {
      for (let i = 0; i < 4; i++) yield { payload: zeros(BIG) };
    }
    const reply = await channel.client(TestService).streamingInputCall(requests());
    assert.equal(reply.aggregatedPayloadSize, 4 * BIG);
  },
  async "big server streaming"(channel) {
    const replies = await collect(
      channel.client(TestService).streamingOutputCall({
        responseParameters: [{ size: BIG }, { size: 1 }, { size: BIG }],
      }),
    );
    assert.deepEqual(replies.map((reply) => reply.payload?.body.length), [BIG, 1, BIG]);
  },
  async "big bidirectional"(channel) {
    async function* requests() {
      for (let i = 0; i < 4; i++) {
        yield { responseParameters: [{ size: BIG }], payload: zeros(BIG) };
      }
    }
    const replies = await collect(channel.client(TestService).fullDuplexCall(requests()));
    assert.deepEqual(replies.map((reply) => reply.payload?.body.length), [BIG, BIG, BIG, BIG]);
  },
};

for (const [name, files] of Object.entries(PROXIES)) {
  const program = findProgram(name);
  const why = program === undefined ? ` (skipped: ${name} is not installed)` : "";
  Deno.test({
    name: `calls go through ${name}${why}`,
    ignore: program === undefined,
    async fn(t) {
      await using server = await serve("127.0.0.1:0", addTestService);
      await using proxy = await startProxy(program!, files, server.addresses[0]);
      await using channel = connect(proxy.address);
      for (const [title, run] of Object.entries({ ...CASES, ...BIG_MESSAGES })) {
        await t.step(title, () => run(channel));
      }
      await t.step("many calls at once", async () => {
        const calls = Array.from({ length: 300 }, () => CASES.empty_unary(channel));
        await Promise.all(calls);
      });
    },
  });
}

for (const [name, files] of Object.entries(WEBSOCKET_PROXIES)) {
  const program = findProgram(name);
  const why = program === undefined ? ` (skipped: ${name} is not installed)` : "";
  Deno.test({
    name: `WebSockets go through ${name}${why}`,
    ignore: program === undefined,
    async fn(t) {
      await using server = await serve("127.0.0.1:0", addTestService, {
        // haproxy passes on the Host that its clients sent.
        web: { allowedHosts: ["127.0.0.1"] },
      });
      await using proxy = await startProxy(program!, files, server.addresses[0]);
      await using channel = connect(proxy.address, {
        wire: "lean",
        dial: () => webSocketStream(`ws://${proxy.address}/vrpc/`),
      });
      for (const [title, run] of Object.entries({ ...CASES, ...BIG_MESSAGES })) {
        await t.step(title, () => run(channel));
      }
      assert.equal(server.stats().connections.http1 > 0, true);
    },
  });
}
