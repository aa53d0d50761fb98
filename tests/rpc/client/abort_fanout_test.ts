import assert from "node:assert/strict";
import fc from "fast-check";
import { type Abortable, unwatchAbort, watchAbort } from "../../../src/rpc/client/abort_fanout.ts";
import { EMPTY } from "../../fixtures/bytes.ts";
import { Network } from "../../fixtures/network.ts";

class Member implements Abortable {
  abortSlot = -1;
  reasons: unknown[] = [];
  onAbort(reason: unknown): void {
    this.reasons.push(reason);
  }
}

Deno.test("an abort reaches each watching call once, and none that stopped watching", () => {
  fc.assert(fc.property(
    fc.array(fc.record({ who: fc.nat(9), watch: fc.boolean() }), { maxLength: 100 }),
    (steps) => {
      const controller = new AbortController();
      const members = Array.from({ length: 10 }, () => new Member());
      const watching = new Set<Member>();
      for (const { who, watch } of steps) {
        const member = members[who];
        if (watch && !watching.has(member)) {
          watching.add(member);
          watchAbort(controller.signal, member);
        } else if (!watch) {
          watching.delete(member);
          unwatchAbort(controller.signal, member);
        }
      }
      controller.abort("enough");
      for (const member of members) {
        assert.deepEqual(member.reasons, watching.has(member) ? ["enough"] : []);
        // As calls do at their end.
        unwatchAbort(controller.signal, member);
      }
    },
  ));
});

Deno.test("a signal keeps no listener of calls that have ended", async () => {
  await using network = new Network();
  await network.up("a");
  const channel = network.connect("a");
  const controller = new AbortController();
  let listeners = 0;
  const { signal } = controller;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args));
  signal.removeEventListener = (
    ...args: Parameters<typeof remove>
  ) => (listeners--, remove(...args));
  for (let i = 0; i < 20; i++) {
    await Promise.all(
      Array.from({ length: 50 }, () => channel.call("/suite/echo", EMPTY, { signal })),
    );
    assert.equal(listeners, 0);
  }
});
