import assert from "node:assert/strict";
import { TestService } from "../../proto/gen/grpc/testing/testing_pb.ts";
import { ErrorInfoSchema } from "../../proto/gen/google/rpc/error_details_pb.ts";
import { type Channel, findDetails, packDetail, type Router, RpcError, Status } from "../../mod.ts";
import { Recording, testServer } from "../../src/testing/mod.ts";
import { text, untext } from "../fixtures/bytes.ts";
import { failure } from "../../src/testing/failure.ts";
import { replay } from "../../src/testing/replay.ts";

const payloadOf = (body: string) => ({ body: text(body) });

function addReal(router: Router): void {
  let calls = 0;
  router.service(TestService, {
    unaryCall({ payload }, context) {
      context.responseHeaders.set("served-by", "real");
      context.responseTrailers.set("mark-bin", new Uint8Array([1, 2]));
      if (payload?.body.length === 0) {
        throw new RpcError(Status.ABORTED, "empty", {
          details: [packDetail(ErrorInfoSchema, { reason: "EMPTY" })],
        });
      }
      return { payload: payloadOf(`user ${++calls}`) };
    },
    async streamingInputCall(requests) {
      let size = 0;
      for await (const { payload } of requests) size += payload?.body.length ?? 0;
      return { aggregatedPayloadSize: size };
    },
    *streamingOutputCall({ responseParameters }) {
      for (const { size } of responseParameters) yield { payload: { body: new Uint8Array(size) } };
      throw new RpcError(Status.DATA_LOSS, "no more");
    },
    async *fullDuplexCall(requests) {
      for await (const { payload } of requests) yield { payload };
    },
  });
}

/** A session with calls of every kind; returns what the client saw. */
async function session(channel: Channel): Promise<unknown[]> {
  const client = channel.client(TestService);
  const seen: unknown[] = [];
  const options = {
    onHeaders: (headers: Iterable<unknown>) => seen.push(["headers", ...headers]),
    onTrailers: (trailers: Iterable<unknown>) => seen.push(["trailers", ...trailers]),
  };
  seen.push(untext((await client.unaryCall({ payload: payloadOf("a") }, options)).payload!.body));
  seen.push(untext((await client.unaryCall({ payload: payloadOf("a") })).payload!.body));
  const error = await failure(client.unaryCall({ payload: payloadOf("") }));
  seen.push(error.code, error.message, findDetails(error, ErrorInfoSchema)[0].reason);
  const requests = [{ payload: payloadOf("12") }, { payload: payloadOf("3") }];
  seen.push((await client.streamingInputCall(requests)).aggregatedPayloadSize);
  try {
    const parameters = { responseParameters: [{ size: 2 }, { size: 3 }] };
    for await (const { payload } of client.streamingOutputCall(parameters)) {
      seen.push(payload?.body.length);
    }
  } catch (error) {
    seen.push((error as RpcError).message);
  }
  for await (const { payload } of client.fullDuplexCall(requests)) seen.push(payload?.body.length);
  return seen;
}

async function record(): Promise<[Recording, unknown[]]> {
  const recording = new Recording();
  await using real = await testServer(addReal, {
    connect: { interceptors: [recording.interceptor] },
  });
  return [recording, await session(real.channel)];
}

Deno.test("a replayed session is the recorded one, through the text of a file", async () => {
  const [recording, seen] = await record();
  assert.deepEqual(seen.slice(3, 8), ["user 2", 10, "empty", "EMPTY", 3]);
  assert.equal(recording.calls.length, 6);
  const parsed = Recording.parse(JSON.stringify(recording));
  await using replayed = await testServer((router) => replay(router, parsed));
  assert.deepEqual(await session(replayed.channel), seen);
});

Deno.test("a call abandoned by the client is recorded as cancelled", async () => {
  const recording = new Recording();
  await using real = await testServer(addReal, {
    connect: { interceptors: [recording.interceptor] },
  });
  const parameters = { responseParameters: [{ size: 2 }, { size: 3 }] };
  for await (const _ of real.client(TestService).streamingOutputCall(parameters)) break;
  assert.equal(recording.calls[0].status.code, Status.CANCELLED);
});

Deno.test("other text is no recording", () => {
  assert.throws(() => Recording.parse("{}"), TypeError);
  assert.throws(() => Recording.parse("null"), TypeError);
  assert.throws(() => Recording.parse("{"), SyntaxError);
});
