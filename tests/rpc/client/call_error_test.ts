import assert from "node:assert/strict";
import {
  bytesCodec,
  type Channel,
  type ChannelOptions,
  connect,
  type Interceptor,
  RpcError,
  serve,
  Status,
} from "../../../mod.ts";
import { failure } from "../../../src/testing/failure.ts";
import { memoryAddress } from "../../fixtures/names.ts";

const NOTHING = new Uint8Array();
const GET = "/shop.Orders/Get";
const LIST = "/shop.Orders/List";
const UPLOAD = "/shop.Orders/Upload";
const CHAT = "/shop.Orders/Chat";

function shop() {
  return serve("127.0.0.1:0", (router) => {
    const missing = () => {
      throw new RpcError(Status.NOT_FOUND, "no order zz", { metadata: undefined });
    };
    router.method(GET, {}, missing);
    router.method(LIST, { kind: "server_streaming" }, async function* () {
      yield new Uint8Array(1);
      missing();
    });
    router.method(UPLOAD, { kind: "client_streaming" }, missing);
    router.method(CHAT, { kind: "bidi_streaming" }, missing);
  }, { printFailures: false });
}

// The name that must be in the stacks.
async function theCallersOwnFunction<T>(call: () => Promise<T>): Promise<T> {
  return await call();
}

// Array.fromAsync would not do: V8 finds no callers through it.
async function drained(replies: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of replies) { /* until the end */ }
}

const raw = (path: string, kind: "client_streaming" | "bidi_streaming", channel: Channel) => {
  const codec = { name: "bytes", encode: (b: Uint8Array) => b, decode: (b: Uint8Array) => b };
  return channel.method<Uint8Array, Uint8Array>({
    path,
    kind,
    requestCodec: codec,
    responseCodec: codec,
  });
};

const CALLS: Record<string, [path: string, call: (channel: Channel) => Promise<unknown>]> = {
  unary: [GET, (channel) => channel.call(GET, NOTHING)],
  "server streaming": [LIST, (channel) => drained(channel.stream(LIST, NOTHING))],
  "client streaming": [
    UPLOAD,
    (channel) => raw(UPLOAD, "client_streaming", channel).clientStreaming([NOTHING]),
  ],
  "bidirectional": [
    CHAT,
    (channel) => drained(raw(CHAT, "bidi_streaming", channel).bidiStreaming([NOTHING])),
  ],
  "a session's receive": [CHAT, (channel) => channel.session(CHAT).receive()],
  "a session's send after its end": [CHAT, async (channel) => {
    const session = channel.session(CHAT);
    await session.receive().catch(() => {});
    await session.send(NOTHING);
  }],
};

const pass: Interceptor = (next) => (call) => next(call);

const CHANNELS: Record<string, ChannelOptions> = {
  "grpc": {},
  "lean": { wire: "lean" },
  "grpc through an interceptor": { interceptors: [pass] },
  "grpc in batches": { batch: true },
  "grpc with retries": {
    serviceConfig: {
      methodConfig: [{
        name: [{}],
        retryPolicy: {
          maxAttempts: 2,
          initialBackoff: "0.001s",
          maxBackoff: "0.001s",
          backoffMultiplier: 1,
          retryableStatusCodes: ["NOT_FOUND"],
        },
      }],
    },
  },
};

for (const [name, options] of Object.entries(CHANNELS)) {
  Deno.test(`the error of a call says which call failed, where, and who made it: ${name}`, async (t) => {
    await using server = await shop();
    const address = server.addresses[0];
    await using channel = connect(address, options);
    for (const [kind, [path, call]] of Object.entries(CALLS)) {
      await t.step(kind, async () => {
        const error = await failure(theCallersOwnFunction(() => call(channel)));
        const where = options.interceptors === undefined ? address : `127.0.0.1:${port(address)}`;
        const text = `NOT_FOUND (5) ${path} at ${where}: no order zz`;
        assert.equal(`${error}`, text);
        assert.equal(error.message, "no order zz");
        assert.equal(error.stack!.split("\n")[0], `RpcError: ${text}`);
        assert.match(error.stack!, /\n {4}at async theCallersOwnFunction \(.*call_error_test\.ts/);
        assert.equal(error.method, path);
        assert.equal(error.address, where);
        const printed = Deno.inspect(error);
        assert.ok(printed.includes(text), printed);
        assert.match(printed, /theCallersOwnFunction/);
        for (const field of [/codeName: ["']NOT_FOUND/, /method: ["']\/shop/, /address: ["']127/]) {
          assert.match(printed, field);
        }
        assert.equal(JSON.parse(JSON.stringify(error)).codeName, "NOT_FOUND");
        assert.equal(error.codeName, "NOT_FOUND");
        assert.equal(error.constructor, RpcError);
        assert.equal(error.name, "RpcError");
      });
    }
  });
}

const port = (address: string) => address.slice(address.lastIndexOf(":") + 1);

Deno.test("failures that no server answered name the call and the target or the address", async () => {
  await using server = await serve(memoryAddress("slow"), (router) => {
    router.method(GET, {}, () => new Promise<Uint8Array>(() => {}));
  });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const refused = `127.0.0.1:${listener.addr.port}`;
  listener.close();
  {
    await using channel = connect(refused);
    const error = await failure(theCallersOwnFunction(() => channel.call(GET, NOTHING)));
    assert.ok(`${error}`.startsWith(`UNAVAILABLE (14) ${GET} at ${refused}: `), `${error}`);
    assert.match(error.message, /connection refused/);
    assert.match(error.stack!, /theCallersOwnFunction/);
  }
  await using channel = connect(server.addresses[0]);
  const at = server.addresses[0];
  const late = await failure(channel.call(GET, NOTHING, { timeoutMs: 10 }));
  assert.ok(`${late}`.startsWith(`DEADLINE_EXCEEDED (4) ${GET} at ${at}: `), `${late}`);
  const controller = new AbortController();
  const call = failure(channel.call(GET, NOTHING, { signal: controller.signal }));
  controller.abort();
  assert.equal(`${await call}`, `CANCELLED (1) ${GET} at ${at}: The call was cancelled`);
  const large = connect(at, { maxSendMessageBytes: 1 });
  const error = await failure(large.call(GET, new Uint8Array(2)));
  assert.ok(`${error}`.startsWith(`RESOURCE_EXHAUSTED (8) ${GET} at ${at}: `), `${error}`);
  await large.close();
  assert.match(
    `${await failure(large.call(GET, NOTHING))}`,
    /\/shop.Orders\/Get at memory:.*closed/,
  );
});

Deno.test("an RpcError that several calls share, or that no call ended with, names none", async () => {
  await using server = await serve(memoryAddress("shared"), (router) => {
    router.method(GET, {}, () => new Promise<Uint8Array>(() => {}));
  });
  await using channel = connect(server.addresses[0]);
  const reason = new RpcError(Status.ABORTED, "enough");
  const controller = new AbortController();
  const calls = [1, 2].map(() => channel.call(GET, NOTHING, { signal: controller.signal }));
  const session = channel.session(GET, { signal: controller.signal }).receive();
  controller.abort(reason);
  for (const call of [...calls, session]) assert.equal(await failure(call), reason);
  assert.equal(`${reason}`, "RpcError: enough");
  assert.deepEqual(Object.keys(reason), Object.keys(new RpcError(Status.ABORTED, "enough")));
});

Deno.test("errors of an interceptor keep their own frames, and frozen ones stay as they are", async () => {
  await using server = await serve(memoryAddress("own"), () => {});
  function anInterceptorOfMine(): never {
    throw new RpcError(Status.PERMISSION_DENIED, "not you");
  }
  const frozen = Object.freeze(new RpcError(Status.ABORTED, "frozen"));
  const fixed = new RpcError(Status.ABORTED, "fixed");
  Object.defineProperty(fixed, "stack", { value: "mine", writable: false, configurable: false });
  await using channel = connect(server.addresses[0], {
    interceptors: [() => (call) => {
      if (call.method.path === GET) anInterceptorOfMine();
      throw frozen;
    }],
  });
  const error = await failure(theCallersOwnFunction(() => channel.call(GET, NOTHING)));
  assert.match(`${error}`, /^PERMISSION_DENIED \(7\) \/shop\.Orders\/Get at memory:.*: not you$/);
  assert.match(error.stack!, /anInterceptorOfMine[^]*theCallersOwnFunction/);
  assert.equal(await failure(channel.call(LIST, NOTHING)), frozen);
  const requests = {
    [Symbol.iterator]() {
      throw fixed;
    },
  };
  await using direct = connect(server.addresses[0]);
  const method = direct.method<Uint8Array, Uint8Array>({
    path: "/a",
    kind: "bidi_streaming",
    requestCodec: bytesCodec,
    responseCodec: bytesCodec,
  });
  const replies = method.bidiStreaming(requests as Iterable<Uint8Array>);
  assert.equal(await failure(Array.fromAsync(replies)), fixed);
});

Deno.test("an error that a handler passes on keeps its status on the wire", async () => {
  await using inner = await shop();
  await using channel = connect(inner.addresses[0]);
  await using outer = await serve(memoryAddress("outer"), (router) => {
    router.method("/outer", {}, () => channel.call(GET, NOTHING));
  }, { printFailures: false });
  await using client = connect(outer.addresses[0]);
  const error = await failure(client.call("/outer", NOTHING));
  assert.equal(error.code, Status.NOT_FOUND);
  assert.equal(error.message, "no order zz");
  assert.match(`${error}`, /^NOT_FOUND \(5\) \/outer at memory:/);
});
