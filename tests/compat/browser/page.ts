/**
 * The cases, which run in the page: each returns when it has passed and throws otherwise.
 *
 * @module
 */

import { type Caller, CALLERS, Failure, httpMethods, LeanCaller } from "./callers.ts";
import { INITIAL, TRAILING, WAIT_FOR_END, WAIT_FOR_RELEASE } from "./methods.ts";

function same(actual: unknown, expected: unknown): void {
  const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== e) throw new Error(`${a} instead of ${e}`);
}

async function failure(call: Promise<unknown>): Promise<Failure> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("The call did not fail");
}

const timeout = (ms: number) =>
  new Promise((_, reject) => setTimeout(() => reject(new Error("The case hangs")), ms));

async function all(replies: AsyncIterable<number>): Promise<number[]> {
  const sizes: number[] = [];
  for await (const size of replies) sizes.push(size);
  return sizes;
}

const asked = { responseStatus: { code: 9, message: "as asked: ä€😀" } };

const CASES: Record<string, (caller: Caller) => Promise<void>> = {
  async unary(caller) {
    for (const size of [0, 10, 3_000]) {
      const reply = await caller.unary({ payload: { body: new Uint8Array(size).fill(7) } });
      same(reply.size, size);
    }
  },

  async "large unary"(caller) {
    const size = Math.min(300_000, caller.maxRequestBytes);
    const reply = await caller.unary({ payload: { body: new Uint8Array(size).fill(7) } });
    same(reply.size, size);
  },

  async "many calls at once"(caller) {
    const sizes = Array.from({ length: 50 }, (_, i) => i);
    const replies = await Promise.all(
      sizes.map((size) => caller.unary({ payload: { body: new Uint8Array(size) } })),
    );
    same(replies.map((reply) => reply.size), sizes);
  },

  async metadata(caller) {
    const reply = await caller.unary({}, {
      metadata: { [INITIAL]: "first value", [TRAILING]: btoa("\x00\xff\xab").replace(/=+$/, "") },
    });
    same(reply.initial, "first value");
    same(reply.trailing?.replace(/=+$/, ""), "AP+r");
  },

  async "server stream"(caller) {
    const sizes = [1, 0, 100_000, 5];
    const responseParameters = sizes.map((size) => ({ size }));
    same(await all(caller.stream({ responseParameters })), sizes);
    same(await all(caller.stream({ responseParameters: [] })), []);
  },

  async "server stream message by message"(caller) {
    const intervalUs = caller.incremental ? WAIT_FOR_RELEASE : 0;
    const sizes: number[] = [];
    const responseParameters = [{ size: 1 }, { size: 2, intervalUs }, { size: 3, intervalUs }];
    for await (const size of caller.stream({ responseParameters })) {
      sizes.push(size);
      // The handler sends the next message only after this call.
      if (size < 3 && caller.incremental) await caller.release();
    }
    same(sizes, [1, 2, 3]);
  },

  async "error with details"(caller) {
    const { code, message, reasons } = await failure(caller.unary(asked));
    same([code, message, reasons], [9, asked.responseStatus.message, ["ASKED"]]);
  },

  async "error after messages"(caller) {
    const sizes: number[] = [];
    const error = await failure((async () => {
      const request = { responseParameters: [{ size: 4 }, { size: 5 }], ...asked };
      for await (const size of caller.stream(request)) sizes.push(size);
    })());
    same(sizes, [4, 5]);
    same([error.code, error.message, error.reasons], [9, asked.responseStatus.message, ["ASKED"]]);
  },

  async "unknown method"(caller) {
    same((await failure(caller.unknown())).code, 12);
  },

  async "unary cancelled"(caller) {
    const controller = new AbortController();
    const call = failure(
      caller.unary({ responseSize: WAIT_FOR_END }, { signal: controller.signal }),
    );
    // The server's answer to a second call shows that the first has reached it.
    await caller.unary({});
    setTimeout(() => controller.abort(), 50);
    same((await call).code, 1);
  },

  async "stream cancelled"(caller) {
    if (!caller.incremental) return await CASES["unary cancelled"](caller);
    const controller = new AbortController();
    const request = { responseParameters: [{ size: 1 }, { size: WAIT_FOR_END }] };
    const error = await failure((async () => {
      for await (const _ of caller.stream(request, { signal: controller.signal })) {
        controller.abort();
      }
    })());
    same(error.code, 1);
  },

  async "unary deadline"(caller) {
    const error = await failure(caller.unary({ responseSize: WAIT_FOR_END }, { timeoutMs: 200 }));
    same(error.code, 4);
  },

  async "stream deadline"(caller) {
    const request = { responseParameters: [{ size: 1 }, { size: WAIT_FOR_END }] };
    const error = await failure(all(caller.stream(request, { timeoutMs: 200 })));
    same(error.code, 4);
  },
};

const request = (size: number) => ({ responseParameters: [{ size }] });

/** Cases of streams in both directions, which only lean has in a browser. */
const STREAMS: Record<string, (caller: LeanCaller) => Promise<void>> = {
  async "client stream"({ client }) {
    const requests = [1, 200_000, 0].map((size) => ({ payload: { body: new Uint8Array(size) } }));
    same((await client.streamingInputCall(requests)).aggregatedPayloadSize, 200_001);
  },

  async "bidirectional echo"(caller) {
    const sizes: number[] = [];
    let next = Promise.withResolvers<number>();
    async function* requests() {
      for (let size = 1; size !== 0; size = await next.promise) {
        next = Promise.withResolvers();
        yield request(size);
      }
    }
    for await (const size of caller.sizes(caller.client.fullDuplexCall(requests()))) {
      sizes.push(size);
      // The next request is sent after this reply.
      next.resolve(size < 100_000 ? size * 10 : 0);
    }
    same(sizes, [1, 10, 100, 1_000, 10_000, 100_000]);
  },

  async "bidirectional with much data both ways"(caller) {
    function* requests() {
      for (let i = 0; i < 100; i++) {
        yield { ...request(50_000), payload: { body: new Uint8Array(50_000) } };
      }
    }
    const sizes = await all(caller.sizes(caller.client.fullDuplexCall(requests())));
    same([sizes.length, sizes.every((size) => size === 50_000)], [100, true]);
  },

  async "bidirectional error with details"(caller) {
    const requests = [request(3), asked];
    const sizes: number[] = [];
    const error = await failure((async () => {
      const replies = caller.client.fullDuplexCall(requests);
      for await (const size of caller.sizes(replies)) sizes.push(size);
    })());
    same(sizes, [3]);
    same([error.code, error.message, error.reasons], [9, asked.responseStatus.message, ["ASKED"]]);
  },

  async "bidirectional cancelled"(caller) {
    const controller = new AbortController();
    const requests = [request(1), request(WAIT_FOR_END)];
    const { signal } = controller;
    const error = await failure((async () => {
      const replies = caller.client.fullDuplexCall(requests, { signal });
      for await (const _ of caller.sizes(replies)) controller.abort();
    })());
    same(error.code, 1);
  },

  async "bidirectional deadline"(caller) {
    const requests = [request(1), request(WAIT_FOR_END)];
    const replies = caller.client.fullDuplexCall(requests, { timeoutMs: 200 });
    same((await failure(all(caller.sizes(replies)))).code, 4);
  },
};

/** Cases that pass on a server that does not allow the page. */
const REFUSED: Record<string, (caller: Caller) => Promise<void>> = {
  async unary(caller) {
    await failure(caller.unary({}));
  },
  async stream(caller) {
    await failure(all(caller.stream({ responseParameters: [{ size: 1 }] })));
  },
};

const PAGES: Record<string, (url: string) => Promise<void>> = {
  async "request field that is not allowed"(url) {
    const response = await fetch(`${url}/grpc.testing.TestService/EmptyCall`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-not-allowed": "1" },
      body: "{}",
    }).catch((error: Error) => error.name);
    same(response, "TypeError");
  },
  async "plain request without preflight"(url) {
    const response = await fetch(`${url}/`).then((r) => r.text(), (error: Error) => error.name);
    same(response, "TypeError");
  },
};

Object.assign(globalThis, {
  names: {
    callers: Object.keys(CALLERS),
    cases: Object.keys(CASES),
    streams: Object.keys(STREAMS),
    pages: Object.keys(PAGES),
  },
  httpMethods,
  /** Resolves to "passed", or to what went wrong. */
  async run(
    group: "cases" | "streams" | "refused" | "page",
    caller: string,
    name: string,
    url: string,
  ) {
    try {
      const running = group === "page"
        ? PAGES[name](url)
        : group === "streams"
        ? STREAMS[name](new LeanCaller(url))
        : (group === "cases" ? CASES : REFUSED)[name](CALLERS[caller](url));
      await Promise.race([running, timeout(20_000)]);
      return "passed";
    } catch (error) {
      const { code, stack } = error as Failure;
      return `${code === undefined ? "" : `code ${code}: `}${(error as Error).message}\n${stack}`;
    }
  },
});
