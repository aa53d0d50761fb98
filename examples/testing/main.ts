/**
 * Testing kit: a service in memory, time that the test moves, failures, and replies of a mock.
 *
 *     deno run -A examples/testing/main.ts
 *
 * The same works in `Deno.test`, and with every other test runner.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type HandlerContext, type Router, RpcError, Status } from "@vrpc/vrpc";
import { FakeClock, flaky, mockService, testContext, testServer } from "@vrpc/vrpc/testing";
import { GreeterService } from "../../proto/gen/examples/greeter_pb.ts";

// What is tested.
function greet({ name }: { name: string }, context: HandlerContext) {
  if (name === "") throw new RpcError(Status.INVALID_ARGUMENT, "The name is empty");
  return { text: `${context.metadata.get("x-greeting") ?? "Hello"}, ${name}` };
}
const addGreeter = (router: Router) => router.service(GreeterService, { greet });

{ // A handler is a function: no server is needed.
  using context = testContext({ metadata: { "x-greeting": "Good morning" } });
  assert.equal(greet({ name: "Ada" }, context).text, "Good morning, Ada");
  console.log("a handler with a context");
}
{ // A server and a client in memory: no ports, no permissions.
  await using test = await testServer(addGreeter);
  assert.equal((await test.client(GreeterService).greet({ name: "Ada" })).text, "Hello, Ada");
  await assert.rejects(
    test.client(GreeterService).greet({ name: "" }),
    (error) => error instanceof RpcError && error.code === Status.INVALID_ARGUMENT,
  );
  console.log("a server in memory");
}
{ // The first two calls fail, and the waits between retries take no time.
  const retryPolicy = {
    maxAttempts: 3,
    initialBackoff: "10s",
    maxBackoff: "60s",
    backoffMultiplier: 2,
    retryableStatusCodes: ["UNAVAILABLE"],
  };
  const clock = new FakeClock();
  await using test = await testServer((router) => {
    router.use(flaky({ first: 2 }));
    addGreeter(router);
  }, {
    clock,
    random: () => 0.5, // no jitter
    connect: { serviceConfig: { methodConfig: [{ name: [{}], retryPolicy }] } },
  });
  await clock.run(test.client(GreeterService).greet({ name: "Ada" }));
  console.log(`two retries, ${clock.now() / 1000} s by the clock`);
}
{ // A connection breaks, and the channel makes another one.
  await using test = await testServer(addGreeter, { connect: { waitForReady: true } });
  await test.client(GreeterService).greet({ name: "Ada" });
  test.connections.cut();
  for await (const state of test.channel.watchState()) if (state !== "READY") break;
  await test.client(GreeterService).greet({ name: "Ada" });
  console.log(`connections made: ${test.connections.made}`);
}
{ // A stand-in for a server that isn't there: random replies, the same for the same seed.
  await using test = await testServer((router) => mockService(router, GreeterService, { seed: 7 }));
  const { text } = await test.client(GreeterService).greet({ name: "Ada" });
  console.log(`a mock replied with a ${typeof text}`);
}
