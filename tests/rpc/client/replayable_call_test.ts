import assert from "node:assert/strict";
import { type Channel, type Metadata, RpcError, Status } from "../../../mod.ts";
import { EMPTY, text, untext } from "../../fixtures/bytes.ts";
import { failure } from "../../../src/testing/failure.ts";
import { Network } from "../../fixtures/network.ts";
import { failUntil, passUntil, retrying, startPolicyServer } from "./policy_server.ts";

Deno.test("a retry sends all requests of a stream again, up to 256 KiB", async () => {
  await using network = new Network();
  const { server, channel, attempts } = await startPolicyServer(network, retrying, failUntil(3));
  const bytes = { name: "bytes", encode: (m: Uint8Array) => m, decode: (m: Uint8Array) => m };
  const sum = channel.method<Uint8Array, Uint8Array>({
    path: "/t.S/Sum",
    kind: "client_streaming",
    requestCodec: bytes,
    responseCodec: bytes,
  });
  const call = sum.clientStreaming([text("ab"), text("cde")]);
  await passUntil(network, call);
  assert.equal(untext(await call), "5");
  assert.equal(attempts.length, 3);

  // 400 KB: more than is kept for another attempt.
  attempts.length = 0;
  const big = failure(
    sum.clientStreaming(Array.from({ length: 20 }, () => new Uint8Array(20_000))),
  );
  await passUntil(network, big);
  assert.equal((await big).message, "attempt 1");
  await server.close();
});

Deno.test("no retry follows the first reply", async () => {
  await using network = new Network();
  const { server, channel, attempts } = await startPolicyServer(network, retrying, failUntil(2));
  const collect = async (request: string) => {
    const got: string[] = [];
    for await (const m of channel.stream("/t.S/Count", text(request))) got.push(untext(m));
    return got;
  };
  const late = failure(collect("late"));
  await passUntil(network, late);
  assert.equal((await late).message, "attempt 1");
  attempts.length = 0;
  const early = collect("early");
  await passUntil(network, early);
  assert.deepEqual(await early, ["1"]);
  assert.equal(attempts.length, 2);
  await server.close();
});

async function trailersOf(channel: Channel): Promise<Metadata | undefined> {
  let trailers: Metadata | undefined;
  await channel.call("/t.S/Unary", EMPTY, { onTrailers: (metadata) => trailers = metadata });
  return trailers;
}

Deno.test("callbacks receive headers and trailers of the committed attempt only", async () => {
  await using network = new Network();
  const { server, channel } = await startPolicyServer(network, retrying, (attempt, ctx) => {
    ctx.responseTrailers.set("attempt", `${attempt}`);
    if (attempt < 2) throw new RpcError(Status.UNAVAILABLE, "not yet");
  });
  const trailers = trailersOf(channel);
  await passUntil(network, trailers);
  assert.deepEqual((await trailers)!.getAll("attempt"), ["2"]);
  await server.close();
});
