import assert from "node:assert/strict";
import { connect, serve, Status } from "../../../mod.ts";
import { checkServeArguments } from "../../../src/rpc/server/serve_arguments.ts";
import { testServer } from "../../../src/testing/mod.ts";
import { EMPTY } from "../../fixtures/bytes.ts";
import { failure } from "../../../src/testing/failure.ts";

Deno.test("serve says what it takes in place of a port and of other values", async () => {
  await assert.rejects(serve(50051 as never, () => {}), {
    name: "TypeError",
    message: "Cannot listen on 50051: serve takes an address or a list of them, such as " +
      '"127.0.0.1:50051", "unix:/run/app.sock" or "vsock:any:50051"',
  });
  for (const given of [undefined, null, {}, [8080], ["memory:x", undefined]]) {
    await assert.rejects(serve(given as never, () => {}), /^TypeError: Cannot listen on /);
  }
  await assert.rejects(serve("memory:no-routes", undefined as never), {
    name: "TypeError",
    message: "Cannot use a value of type undefined as configure: it must be a function",
  });
  assert.deepEqual(checkServeArguments("memory:x", () => {}, {}), ["memory:x"]);
  assert.deepEqual(checkServeArguments([], () => {}, {}), []);
});

Deno.test("a timeoutMs of 0 is a deadline that has passed, not none", async () => {
  let handled = 0;
  await using test = await testServer((router) => {
    router.method("/x", {}, (request) => {
      handled++;
      return request;
    });
  });
  await using lean = connect(test.address, { wire: "lean" });
  for (const channel of [test.channel, lean]) {
    const error = await failure(channel.call("/x", EMPTY, { timeoutMs: 0 }));
    assert.equal(error.code, Status.DEADLINE_EXCEEDED);
  }
  assert.equal(handled, 0);
});
