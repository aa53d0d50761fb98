// An exception of the engine costs its connection: calls end with a status, and the page gets no uncaught error.

import assert from "node:assert/strict";
import { connect, RpcError } from "../../src/browser/mod.ts";
import { serve } from "../../mod.ts";
import { LeanClientConnection } from "../../src/lean/client.ts";
import { LeanClientCall } from "../../src/lean/client_call.ts";
import { BrowserService, WAIT_FOR_END } from "../compat/browser/methods.ts";
import { BrowserHandlers } from "../compat/browser/service.ts";
import { capture } from "../fixtures/printed.ts";
import { until } from "../fixtures/waiting.ts";

/** Makes members of all objects of a class throw; disposal restores them. */
function broken(prototype: object, entries: readonly string[]): Disposable {
  const own = entries.map((entry) => Object.getOwnPropertyDescriptor(prototype, entry)!);
  entries.forEach((entry, i) => {
    const fail = () => {
      throw new Error(`a defect in ${entry}`);
    };
    const member = typeof own[i].value === "function"
      ? { value: fail }
      : { get: fail, set: own[i].set };
    Object.defineProperty(prototype, entry, { configurable: true, ...member });
  });
  return {
    [Symbol.dispose]() {
      entries.forEach((entry, i) => Object.defineProperty(prototype, entry, own[i]));
    },
  };
}

const CONNECTION = LeanClientConnection.prototype;
const CALL = LeanClientCall.prototype;
const DEFECTS: Record<string, [object, string[]]> = {
  receive: [CONNECTION, ["receive", "transportLost"]],
  usable: [CONNECTION, ["usable", "transportLost"]],
  activeCalls: [CONNECTION, ["activeCalls", "transportLost"]],
  ready: [CONNECTION, ["ready", "transportLost"]],
  finished: [CONNECTION, ["finished", "transportLost"]],
  out: [CONNECTION, ["out", "transportLost"]],
  endReason: [CONNECTION, ["receive", "endReason", "transportLost"]],
  outputDrained: [CONNECTION, ["outputDrained", "transportLost"]],
  nextTimerMs: [CONNECTION, ["nextTimerMs", "transportLost"]],
  sendLastMessage: [CALL, ["sendLastMessage"]],
};

for (const [name, [prototype, entries]] of Object.entries(DEFECTS)) {
  Deno.test(`an engine that throws in ${name} ends its connection and calls`, async () => {
    const lines: unknown[][] = [];
    const restore = capture(lines);
    try {
      const handlers = new BrowserHandlers();
      await using server = await serve(
        "127.0.0.1:0",
        (router) => handlers.add(router),
        { web: true },
      );
      using channel = connect(`http://${server.addresses[0]}`);
      const client = channel.client(BrowserService);
      const results: unknown[] = [];
      const pending = client.unaryCall({ responseSize: WAIT_FOR_END });
      pending.catch((error) => results.push(error));
      await until(() => server.stats().calls.started === 1);
      {
        using _ = broken(prototype, entries);
        client.unaryCall({}).catch((error) => results.push(error));
        await until(() => results.length === 2);
        assert.equal(typeof channel.state, "string");
      }
      for (const result of results) assert.equal(result instanceof RpcError, true);
      const shown = lines.flat().map((value) => Deno.inspect(value)).join("\n");
      assert.match(shown, new RegExp(`the connection failed[^]*a defect in ${entries[0]}`));
      await client.unaryCall({});
    } finally {
      restore();
    }
  });
}
