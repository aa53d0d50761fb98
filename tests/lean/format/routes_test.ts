import fc from "fast-check";
import assert from "node:assert/strict";
import { decodeRoute, encodeRoute } from "../../../src/lean/format/routes.ts";
import {
  assertGoodbye,
  drain,
  echo,
  frame,
  greetedServer,
  OK,
  Pair,
  parse,
  RUNS,
  start,
  utf8,
} from "../harness.ts";

Deno.test("decodeRoute() undoes encodeRoute()", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" }), (route) => {
      if (route.startsWith("\0")) return;
      const bytes = encodeRoute(route);
      assert.equal(decodeRoute(bytes, 0, bytes.length), route);
    }),
    RUNS,
  );
});

Deno.test("routes are sent as numbers after their first use, on which both sides agree", () => {
  const pair = new Pair({ handle: echo, server: { maxRoutes: 2 } });
  pair.run();
  for (const route of ["/a", "/b", "/a", "/c", "/c", "/b", "/a", "vrpc/hello"]) {
    const call = start(pair.client.engine, route);
    call.call.sendLastMessage(utf8("x"), false);
    pair.run();
    assert.equal(call.status, OK);
    assert.equal(pair.server.calls.at(-1)?.call.path, route);
  }
});

Deno.test("routes of refused calls get numbers as well", () => {
  const made = greetedServer({ maxConcurrentStreams: 1, maxRoutes: 2 });
  made.engine.receive(frame(1, 1, "/a"), 0);
  for (const [i, route] of ["/b", "/c", "/d"].entries()) {
    made.engine.receive(frame(1, 2 + i, route), 0);
  }
  assert.equal(parse(drain(made.engine)).filter(({ flags }) => flags === 0x12).length, 3);
  made.calls[0].call.respond(new Uint8Array(0));
  made.calls[0].call.handlerDone();
  made.engine.receive(frame(1, 5, Uint8Array.of(0, 1)), 0);
  assert.deepEqual(made.calls.map(({ call }) => call.path), ["/a", "/b"]);
  made.engine.receive(frame(1, 6, Uint8Array.of(0, 2)), 0);
  assertGoodbye(made, 1, /Cannot read the route of call 6/);
});
