import assert from "node:assert/strict";
import fc from "fast-check";
import { type Abortable, unwatchAbort, watchAbort } from "../../../src/rpc/client/abort_fanout.ts";

class Member implements Abortable {
  abortSlot = -1;
  reasons: unknown[] = [];
  onAbort(reason: unknown): void {
    this.reasons.push(reason);
  }
}

Deno.test("whoever watches when the signal fires hears of it once, the others never", () => {
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
        // What calls do when they end.
        unwatchAbort(controller.signal, member);
      }
    },
  ));
});
