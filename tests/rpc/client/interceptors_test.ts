import assert from "node:assert/strict";
import { connect, type Interceptor, RpcError, serve, Status } from "../../../mod.ts";
import { Metadata as Pairs } from "../../../src/call/metadata.ts";
import { EMPTY, text, untext } from "../../fixtures/bytes.ts";
import { failure } from "../../../src/testing/failure.ts";
import { memoryAddress } from "../../fixtures/names.ts";

Deno.test("the first interceptor is the outermost; each can answer, change or fail a call", async () => {
  await using server = await serve(memoryAddress(), (router) => {
    router.method("/echo", {}, (request) => request);
  });
  const order: string[] = [];
  const log = (name: string): Interceptor => (next) => async (call) => {
    order.push(`> ${name}`);
    const reply = await next(call);
    order.push(`< ${name}`);
    return reply;
  };
  const answer: Interceptor = (next) => (call) => {
    const message = untext(call.message as Uint8Array);
    if (message === "cached") {
      const empty = new Pairs();
      const reply = text("from the cache");
      return Promise.resolve({ stream: false, message: reply, headers: empty, trailers: empty });
    }
    if (message === "forbidden") throw new RpcError(Status.PERMISSION_DENIED, "not you");
    if (message === "broken") throw new Error("a bug");
    call.message = text(`${message}!`);
    return next(call);
  };
  await using channel = connect(server.addresses[0], {
    interceptors: [log("a"), log("b"), answer],
  });
  assert.equal(untext(await channel.call("/echo", text("hi"))), "hi!");
  assert.deepEqual(order, ["> a", "> b", "< b", "< a"]);
  assert.equal(untext(await channel.call("/echo", text("cached"))), "from the cache");
  const forbidden = await failure(channel.call("/echo", text("forbidden")));
  assert.equal(forbidden.code, Status.PERMISSION_DENIED);
  const broken = await failure(channel.call("/echo", text("broken")));
  assert.equal(broken.code, Status.UNKNOWN);
  assert.equal((broken.cause as Error).message, "a bug");
});

Deno.test("an interceptor can repeat a call, and the deadline ends its wait", async () => {
  let calls = 0;
  await using server = await serve(memoryAddress(), (router) => {
    router.method("/flaky", {}, (request) => {
      if (++calls < 3) throw new RpcError(Status.UNAVAILABLE, "not yet");
      return request;
    });
  });
  const again: Interceptor = (next) => async (call) => {
    for (;;) {
      try {
        return await next(call);
      } catch (error) {
        if ((error as RpcError).code !== Status.UNAVAILABLE) throw error;
      }
    }
  };
  await using channel = connect(server.addresses[0], { interceptors: [again] });
  assert.equal(untext(await channel.call("/flaky", text("x"))), "x");
  assert.equal(calls, 3);

  const stuck: Interceptor = () => (call) =>
    new Promise((_, reject) => {
      call.signal.addEventListener("abort", () => reject(call.signal.reason));
    });
  await using slow = connect(server.addresses[0], { interceptors: [stuck] });
  // An open connection keeps the process alive during the wait.
  await slow.ready();
  const late = await failure(slow.call("/flaky", EMPTY, { timeoutMs: 20 }));
  assert.equal(late.code, Status.DEADLINE_EXCEEDED);
  const controller = new AbortController();
  const given = failure(slow.call("/flaky", EMPTY, { signal: controller.signal }));
  controller.abort();
  assert.equal((await given).code, Status.CANCELLED);
});

Deno.test("credentials without TLS, or that cannot be made, fail the call with UNAUTHENTICATED", async () => {
  await using server = await serve(memoryAddress(), (router) => {
    router.method("/echo", {}, (request) => request);
  });
  const credentials = () => ({ authorization: "Bearer x" });
  await using plain = connect(server.addresses[0]);
  const refused = await failure(plain.call("/echo", EMPTY, { credentials }));
  assert.equal(refused.code, Status.UNAUTHENTICATED);
  assert.match(refused.message, /doesn't use TLS/);
  await using allowed = connect(server.addresses[0], { allowInsecureCredentials: true });
  await allowed.call("/echo", EMPTY, { credentials });
  const broken = () => Promise.reject(new Error("the token server is down"));
  const failed = await failure(allowed.call("/echo", EMPTY, { credentials: broken }));
  assert.equal(failed.code, Status.UNAUTHENTICATED);
  assert.match(failed.message, /the token server is down/);
});
