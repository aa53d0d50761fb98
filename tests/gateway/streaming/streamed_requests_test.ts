import assert from "node:assert/strict";
import { RpcError } from "../../../mod.ts";
import { BodyPool } from "../../../src/gateway/request_body.ts";
import { JsonValues } from "../../../src/gateway/streaming/json_values.ts";
import { StreamedRequests } from "../../../src/gateway/streaming/streamed_requests.ts";

/** A body that comes in these parts. */
function parts(...texts: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(texts.map((text) => new TextEncoder().encode(text)));
}

function requestsOf(body: ReadableStream<Uint8Array>, pool: BodyPool): StreamedRequests {
  const cutter = new JsonValues("values");
  return new StreamedRequests({ body, cutter, encode: (value) => value, maxBytes: 10, pool });
}

Deno.test("a message may have as many bytes as its limit, in one part or in several", async () => {
  for (const split of [[], ["1234567890"], ["12345", "67890"]]) {
    const pool = new BodyPool(100);
    const fits = requestsOf(parts(...split, " 1"), pool);
    assert.equal((await fits.next()).done, false);
    const tooLong = requestsOf(parts(...split, "1 "), pool);
    if (split.length > 0) {
      await assert.rejects(tooLong.next(), RpcError);
      assert.equal(tooLong.fault!.httpStatus, 413);
      assert.match(tooLong.fault!.message, /Message 1 of the body is too large, limit is 10 bytes/);
    }
    await fits.return();
    assert.equal(pool.used, 0);
  }
});

Deno.test("bytes of an unfinished message are given back: at its end, on a fault, on return", async () => {
  const pool = new BodyPool(8);
  const whole = requestsOf(parts("12345", "6 7"), pool);
  assert.equal(new TextDecoder().decode((await whole.next()).value), "123456");
  assert.equal(new TextDecoder().decode((await whole.next()).value), "7");
  assert.equal((await whole.next()).done, true);
  assert.equal(pool.used, 0);

  const left = requestsOf(
    new ReadableStream({ start: (body) => body.enqueue(new TextEncoder().encode("12345")) }),
    pool,
  );
  const next = left.next();
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(pool.used, 5);
  const crowded = requestsOf(parts("1234", "5"), pool);
  await assert.rejects(crowded.next(), RpcError);
  assert.equal(crowded.fault!.httpStatus, 503);
  await left.return();
  assert.equal((await next).done, true);
  assert.equal(pool.used, 0);
});

Deno.test("a body that fails is answered 499, and the unknown fault of an encoder 500", async () => {
  const pool = new BodyPool(8);
  const cut = requestsOf(
    new ReadableStream({ start: (body) => body.error(new Error("secret")) }),
    pool,
  );
  await assert.rejects(cut.next(), /The body ended before its length/);
  assert.equal(cut.fault!.httpStatus, 499);
  const broken = new StreamedRequests({
    body: parts("{}"),
    cutter: new JsonValues("values"),
    encode: () => {
      throw new TypeError("secret");
    },
    maxBytes: 10,
    pool,
  });
  await assert.rejects(broken.next(), /^RpcError.*The gateway failed/);
  assert.equal(broken.fault!.httpStatus, 500);
});

Deno.test("many messages in one part let other work have its turn", async () => {
  let turns = 0;
  const count = () => {
    turns++;
    timer = setTimeout(count, 0);
  };
  let timer = setTimeout(count, 0);
  const requests = new StreamedRequests({
    body: parts("{}".repeat(200)),
    cutter: new JsonValues("values"),
    encode: (value) => {
      const untilMs = performance.now() + 0.2;
      while (performance.now() < untilMs);
      return value;
    },
    maxBytes: 10,
    pool: new BodyPool(10),
  });
  let received = 0;
  for await (const _ of requests) received++;
  clearTimeout(timer);
  assert.equal(received, 200);
  assert.ok(turns >= 5, `${turns} turns`);
});
