import assert from "node:assert/strict";
import { ConnectionLifetime } from "../../src/limits/connection_lifetime.ts";
import { DEFAULT_HTTP2_OPTIONS } from "../../src/http2/options.ts";
import type { Http2Stream } from "../../src/http2/stream.ts";
import { StreamTable } from "../../src/http2/stream_table.ts";

const tableOf = (role: "client" | "server") =>
  new StreamTable(role, new ConnectionLifetime(DEFAULT_HTTP2_OPTIONS, role, 0));
const stream = (id = 0) => ({ id }) as Http2Stream;

Deno.test("RFC 9113 §5.1.1: a client's streams have odd identifiers in order, until they are used up", () => {
  const table = tableOf("client");
  const first = stream();
  const second = stream();
  table.openLocal(first);
  table.openLocal(second);
  assert.deepEqual([first.id, second.id], [1, 3]);
  table.nextId = 0x7fffffff;
  table.openLocal(stream());
  assert.equal(table.idsLeft, false);
  assert.throws(() => table.openLocal(stream()), RangeError);
});

Deno.test("RFC 9113 §5.1, idle: streams that neither side has opened", () => {
  const client = tableOf("client");
  client.openLocal(stream());
  assert.deepEqual([1, 2, 3].map((id) => client.isIdle(id)), [false, true, true]);
  const server = tableOf("server");
  server.lastPeerId = 5;
  assert.deepEqual([1, 2, 5, 7].map((id) => server.isIdle(id)), [false, true, false, true]);
});

Deno.test("RFC 9113 §5.1.2: a slot is taken until the handler has ended, not the stream alone", () => {
  const table = tableOf("server");
  const [one, three] = [stream(1), stream(3)];
  table.openRemote(one);
  table.openRemote(three);
  table.delete(one);
  assert.deepEqual([table.open.size, table.slots], [1, 2]);
  assert.equal(table.releaseSlot(), false);
  table.delete(three);
  assert.equal(table.releaseSlot(), true);
});
