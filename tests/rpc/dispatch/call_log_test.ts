import assert from "node:assert/strict";
import { getLogger, type LogRecord } from "@logtape/logtape";
import {
  authorize,
  bearerToken,
  callIdOf,
  connect,
  logCalls,
  RpcError,
  serve,
  Status,
} from "../../../mod.ts";
import { EMPTY } from "../../fixtures/bytes.ts";
import { memoryAddress } from "../../fixtures/names.ts";
import { captureLog } from "../../../src/testing/captured_log.ts";

const SECRET = "an-utterly-secret-token";
const app = getLogger(["vrpc", "test-app"]);

/** Runs `body` and collects everything that is logged, at every level. */
async function withLog(body: (records: readonly LogRecord[]) => Promise<void>): Promise<void> {
  await using log = await captureLog({ category: [] });
  await body(log.records);
}

function start() {
  return serve(memoryAddress("log"), (router) => {
    router.method("/log/echo", {}, (request, context) => {
      app.info("the handler has something to say", { also: callIdOf(context) });
      return request;
    });
    router.method("/log/fail", {}, () => {
      throw new RpcError(Status.NOT_FOUND, `No account for ${SECRET}`);
    });
    router.method("/log/crash", {}, () => {
      throw new Error("a fault of the handler");
    });
    router.method("/log/many", { kind: "server_streaming" }, async function* (request) {
      app.info("the generator has something to say");
      yield request;
    });
  }, { interceptors: [logCalls(), authorize({ "*": bearerToken({ web: SECRET }) })] });
}

const metadata = {
  authorization: `Bearer ${SECRET}`,
  cookie: `session=${SECRET}`,
  "secret-bin": new TextEncoder().encode(SECRET),
};

const calls = (records: readonly LogRecord[]) =>
  records.filter(({ category }) => category.join(".") === "vrpc.calls");

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`logCalls() writes one line per call, with the id that lines of the handler carry: ${wire}`, () =>
    withLog(async (records) => {
      await using server = await start();
      await using channel = connect(server.addresses[0], { wire });
      await channel.call("/log/echo", EMPTY, {
        metadata: { ...metadata, "x-request-id": "from-the-caller" },
      });
      for await (const _ of channel.stream("/log/many", EMPTY, { metadata })) { /* one */ }
      await assert.rejects(channel.call("/log/fail", EMPTY, { metadata }));
      await assert.rejects(channel.call("/log/crash", EMPTY, { metadata }));
      await assert.rejects(channel.call("/log/echo", EMPTY));
      const lines = calls(records).map((
        { level, properties: { call, method, status, principal } },
      ) => [level, method, status, principal, call === "from-the-caller"]);
      assert.deepEqual(lines, [
        ["info", "/log/echo", "OK", "web", true],
        ["info", "/log/many", "OK", "web", false],
        ["info", "/log/fail", "NOT_FOUND", "web", false],
        ["error", "/log/crash", "UNKNOWN", "web", false],
        ["info", "/log/echo", "UNAUTHENTICATED", undefined, false],
      ]);
      const said = records.filter(({ category }) => category[1] === "test-app");
      assert.equal(said[0].properties.call, "from-the-caller");
      assert.equal(said[0].properties.also, "from-the-caller");
      assert.equal(said[1].properties.call, calls(records)[1].properties.call);
    }));

  Deno.test(`logCalls() logs no metadata, messages or error texts at any level: ${wire}`, () =>
    withLog(async (records) => {
      await using server = await start();
      const options = { wire, interceptors: [], allowInsecureCredentials: true };
      await using channel = connect(server.addresses[0], {
        ...options,
        credentials: () => ({ authorization: `Bearer ${SECRET}` }),
      });
      const payload = new TextEncoder().encode(SECRET);
      await channel.call("/log/echo", payload, { metadata: { "x-api-key": SECRET } });
      await assert.rejects(channel.call("/log/fail", payload));
      await assert.rejects(channel.call(`/log/${SECRET.slice(0, 6)}`, payload));
      await using wrong = connect(server.addresses[0], { wire });
      await assert.rejects(
        wrong.call("/log/echo", payload, { metadata: { authorization: `Bearer ${SECRET}x` } }),
      );
      assert.ok(records.length > 3);
      const all = Deno.inspect(
        records.map(({ message, rawMessage, properties }) => [
          message,
          rawMessage,
          properties,
        ]),
        { depth: 20, strAbbreviateSize: 1e6, iterableLimit: 1e6 },
      );
      assert.ok(!all.includes(SECRET), all);
      assert.ok(!all.includes(btoa(SECRET).slice(0, 20)), all);
    }));
}

Deno.test("logCalls() replaces an id that could forge a log line", () =>
  withLog(async (records) => {
    await using server = await start();
    await using channel = connect(server.addresses[0]);
    for (const id of ["", " ", "a b", "x".repeat(65), '"quoted"', "%0a"]) {
      await channel.call("/log/echo", EMPTY, { metadata: { ...metadata, "x-request-id": id } });
    }
    for (const { properties } of calls(records)) {
      assert.match(`${properties.call}`, /^[\da-f-]{36}$/);
    }
  }));
