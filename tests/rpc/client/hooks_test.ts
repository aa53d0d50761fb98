import assert from "node:assert/strict";
import { configure, type LogRecord, reset } from "@logtape/logtape";
import {
  bytesCodec,
  type CallOptions,
  type Channel,
  type ChannelOptions,
  connect,
  type InterceptedReply,
  type Interceptor,
  Metadata,
  type MethodKind,
  type Next,
  RpcError,
  serve,
  Status,
} from "../../../mod.ts";
import { memoryAddress } from "../../fixtures/names.ts";
import { misbehaviours, THROWN, trapProxy } from "../../fixtures/misbehaviour.ts";

// Nothing that an application gives to a channel or a call may end a connection, the process or another call. Each hook
// misbehaves in each way, for the calls of /bad/… alone, on a connection with a call that is open all the time.

const WIRES = ["grpc", "lean"] as const;
const KINDS = ["unary", "client_streaming", "server_streaming", "bidi_streaming"] as const;
const NOTHING = new Uint8Array();
const bytes = (...values: number[]) => new Uint8Array(values);
// deno-lint-ignore no-explicit-any -- stands for a function of any hook
type Bad = (...args: any[]) => never;

/** A channel or a call with a hook that misbehaves. */
interface Case {
  kind?: MethodKind;
  channel?: ChannelOptions;
  call?: CallOptions;
  requestCodec?: unknown;
  responseCodec?: unknown;
  requests?: unknown;
  /** Name of the hook in the log; such a hook only watches, and its call goes on. */
  logged?: string;
  /** Whether the call may succeed for some of the values that the hook returns. */
  mayPass?: boolean;
}

type MakeCase = (bad: Bad) => Case;

const isBad = (path: string) => path.startsWith("/bad/");

const callback = (name: "onHeaders" | "onTrailers" | "onMessage", kind: MethodKind): MakeCase =>
(
  bad,
) => ({ kind, call: { [name]: bad }, logged: name, mayPass: true });

const interceptor = (kind: MethodKind, make: (bad: Bad, next: Next) => Next): MakeCase => (bad) => {
  const one: Interceptor = (next) => (call) =>
    isBad(call.method.path) ? make(bad, next)(call) : next(call);
  return { kind, channel: { interceptors: [one] }, mayPass: true };
};

const observer = (event: "started" | "sent" | "received" | "ended"): MakeCase => (bad) => ({
  mayPass: true,
  logged: `observer.${event}`,
  channel: {
    observer: {
      started: (path) => {
        if (!isBad(path)) return undefined;
        if (event === "started") return (bad as () => never)();
        return { sent() {}, received() {}, ended() {}, [event]: bad };
      },
    },
  },
});

const insecure = { allowInsecureCredentials: true };

const HOOKS: Record<string, MakeCase> = {
  "credentials of a call": (bad) => ({
    channel: insecure,
    call: { credentials: bad },
    mayPass: true,
  }),
  "credentials of a channel": (bad) => ({
    channel: {
      ...insecure,
      credentials: ({ path }) => isBad(path) ? (bad as () => never)() : {},
    },
    mayPass: true,
  }),
  "compress": (bad) => ({ call: { compress: bad }, mayPass: true }),
  "compress, bidi_streaming": (bad) => ({
    kind: "bidi_streaming",
    call: { compress: bad },
    mayPass: true,
  }),
  "an interceptor as a whole": (bad) => ({
    channel: {
      // The first path is a good one, whose function is made before.
      interceptors: [(next) => {
        const made = { ready: false };
        return (call) => {
          if (!isBad(call.method.path) || made.ready) return next(call);
          made.ready = true;
          return (bad as () => never)();
        };
      }],
    },
    mayPass: true,
  }),
  "a reply's message": interceptor("unary", (bad) => () => {
    const reply = { stream: false, headers: new Metadata(), trailers: new Metadata() };
    Object.defineProperty(reply, "message", { get: bad });
    return Promise.resolve(reply as unknown as InterceptedReply);
  }),
  "a reply's iterable": interceptor("server_streaming", (bad, next) => async (call) => {
    const reply = await next(call);
    reply.message = { [Symbol.asyncIterator]: bad };
    return reply;
  }),
  "an iterator's next": interceptor("server_streaming", (bad, next) => async (call) => {
    const reply = await next(call);
    reply.message = { [Symbol.asyncIterator]: () => ({ next: bad, return: bad }) };
    return reply;
  }),
  "a request that an interceptor puts in": interceptor("bidi_streaming", (bad, next) => (call) => {
    call.message = (bad as () => never)();
    return next(call);
  }),
  "listener of call.signal": (bad) => ({
    call: { timeoutMs: 10 },
    ...interceptor("unary", () => (call) => {
      call.signal.addEventListener("abort", bad as () => never);
      return new Promise(() => {});
    })(bad),
  }),
  "requests": (bad) => ({ kind: "bidi_streaming", requests: { [Symbol.asyncIterator]: bad } }),
  "requests, next": (bad) => ({
    kind: "client_streaming",
    requests: { [Symbol.asyncIterator]: () => ({ next: bad, return: bad }) },
  }),
  "requests, next of a sync iterator": (bad) => ({
    kind: "bidi_streaming",
    requests: { [Symbol.iterator]: () => ({ next: bad, return: bad }) },
  }),
};
for (const kind of KINDS) {
  HOOKS[`onHeaders, ${kind}`] = callback("onHeaders", kind);
  HOOKS[`onTrailers, ${kind}`] = callback("onTrailers", kind);
  HOOKS[`onMessage, ${kind}`] = callback("onMessage", kind);
  HOOKS[`interceptor, ${kind}`] = interceptor(kind, (bad) => bad as unknown as Next);
  HOOKS[`interceptor that calls next twice, ${kind}`] = interceptor(
    kind,
    (bad, next) => (call) => {
      next(call);
      next(call);
      return (bad as () => never)();
    },
  );
  HOOKS[`requestCodec, ${kind}`] = (bad) => ({
    kind,
    requestCodec: { name: "odd", encode: bad, decode: bad },
  });
  HOOKS[`responseCodec, ${kind}`] = (bad) => ({
    kind,
    responseCodec: { name: "odd", encode: bad, decode: bad },
    mayPass: true,
  });
}
for (const event of ["started", "sent", "received", "ended"] as const) {
  HOOKS[`observer.${event}`] = observer(event);
}

for (const wire of WIRES) {
  for (const [hook, make] of Object.entries(HOOKS)) {
    Deno.test(`${hook}: however it misbehaves, only its own call fails: ${wire}`, async (t) => {
      for (const [how, bad] of Object.entries(misbehaviours())) {
        // A listener's promise is the application's own: it does not reach the library. A Proxy that a listener throws
        // ends the process in the runtime's own report.
        if (/^listener/.test(hook) && /^rejects|rejected|^throws a trap/.test(how)) continue;
        await t.step(how, () => survives(make(bad as Bad), wire, how));
      }
    });
  }
}

async function survives(one: Case, wire: "grpc" | "lean", how: string): Promise<void> {
  const release = Promise.withResolvers<Uint8Array>();
  await using server = await serve(memoryAddress("hooks"), (router) => {
    router.method("/echo", {}, (request) => request);
    router.method("/hold", {}, () => release.promise);
    for (const kind of KINDS) router.method(`/bad/${kind}`, { kind }, replying(kind) as never);
  });
  const records: LogRecord[] = [];
  await configure({
    reset: true,
    sinks: { memory: (record) => void records.push(record) },
    loggers: [
      { category: ["vrpc"], sinks: ["memory"] },
      { category: ["logtape", "meta"], sinks: [] },
    ],
  });
  try {
    await using channel = connect(server.addresses[0], {
      ...one.channel,
      wire,
      poolSize: { min: 1, max: 1 },
    });
    const held = channel.call("/hold", NOTHING);
    held.catch(() => {});
    await channel.call("/echo", NOTHING);
    for (let round = 0; round < 2; round++) await badCall(channel, one);
    assert.deepEqual(await channel.call("/echo", bytes(7)), bytes(7));
    release.resolve(bytes(9));
    assert.deepEqual(await held, bytes(9));
    assert.equal(server.stats().connections.accepted, 1);
    if (one.logged !== undefined && /^(throws|rejects)/.test(how)) {
      assert.ok(records.some(({ properties }) => properties.hook === one.logged));
    }
  } finally {
    await reset();
    release.resolve(NOTHING);
  }
}

function replying(kind: MethodKind): unknown {
  if (kind === "server_streaming") return () => [bytes(1), bytes(2)];
  if (kind === "unary") return (request: Uint8Array) => request;
  if (kind === "client_streaming") {
    return async (requests: AsyncIterable<Uint8Array>) => {
      await Array.fromAsync(requests);
      return bytes(1);
    };
  }
  return async function* (requests: AsyncIterable<Uint8Array>) {
    for await (const request of requests) yield request;
  };
}

async function badCall(channel: Channel, one: Case): Promise<void> {
  const { kind = "unary", logged, mayPass = false } = one;
  const method = channel.method<unknown, unknown>({
    path: `/bad/${kind}`,
    kind,
    requestCodec: (one.requestCodec ?? bytesCodec) as typeof bytesCodec,
    responseCodec: (one.responseCodec ?? bytesCodec) as typeof bytesCodec,
  });
  const requests = (one.requests ?? [bytes(1), bytes(2)]) as Iterable<unknown>;
  // Some hooks make their call hang; those that only watch must not, however busy the machine is.
  const options = { timeoutMs: logged === undefined ? 60 : 60_000, ...one.call };
  let error: unknown;
  try {
    if (kind === "unary") await method.unary(bytes(1), options);
    else if (kind === "client_streaming") await method.clientStreaming(requests, options);
    else if (kind === "server_streaming") {
      await Array.fromAsync(method.serverStreaming(bytes(1), options), () => {});
    } else await Array.fromAsync(method.bidiStreaming(requests, options), () => {});
    assert.ok(mayPass, "the call succeeded");
    return;
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(logged === undefined, `a hook that only watches failed its call: ${error}`);
  if (error instanceof TypeError) return;
  assert.ok(error instanceof RpcError, Deno.inspect(error));
  assert.notEqual(error.code, Status.UNAVAILABLE, error.message);
  assert.match(String(error), /\/bad\//);
  assert.match(String(error.stack), /\/bad\//);
}

for (const wire of WIRES) {
  Deno.test(`a signal's reason of any kind fails the calls of the signal alone: ${wire}`, async () => {
    await using server = await serve(memoryAddress("reasons"), (router) => {
      router.method("/echo", {}, (request) => request);
      router.method("/hold", {}, () => new Promise<Uint8Array>(() => {}));
      router.method("/stream", { kind: "bidi_streaming" }, async function* (requests) {
        for await (const request of requests) yield request;
        await new Promise(() => {});
      });
    });
    await using channel = connect(server.addresses[0], { wire, poolSize: 1 });
    for (const [name, make] of Object.entries(THROWN)) {
      const controller = new AbortController();
      const { signal } = controller;
      const calls = [
        channel.call("/hold", NOTHING, { signal }),
        channel.call("/hold", NOTHING, { signal }),
      ];
      const session = channel.session("/stream", { signal, initial: bytes(1) });
      await session.receive();
      const received = session.receive();
      controller.abort(make());
      for (const call of [...calls, received, channel.call("/hold", NOTHING, { signal })]) {
        const error = await call.then(() => undefined, (thrown) => thrown);
        assert.ok(error instanceof RpcError, name);
      }
      assert.deepEqual(await channel.call("/echo", bytes(7)), bytes(7));
    }
    assert.equal(server.stats().connections.accepted, 1);
  });

  Deno.test(`requests that cannot be iterated over are a TypeError of their call: ${wire}`, async () => {
    await using server = await serve(memoryAddress("requests"), (router) => {
      router.method("/echo", {}, (request) => request);
      for (const kind of KINDS) router.method(`/bad/${kind}`, { kind }, replying(kind) as never);
    });
    const pass: Interceptor = (next) => (call) => next(call);
    for (const interceptors of [[], [pass]]) {
      await using channel = connect(server.addresses[0], { wire, interceptors });
      const methodOf = (kind: MethodKind) =>
        channel.method<unknown, unknown>({
          path: `/bad/${kind}`,
          kind,
          requestCodec: bytesCodec,
          responseCodec: bytesCodec,
        });
      for (const given of [undefined, null, 5, {}, () => {}, Promise.reject(5), trapProxy()]) {
        const requests = given as Iterable<unknown>;
        await assert.rejects(methodOf("client_streaming").clientStreaming(requests), TypeError);
        // Without requests it is a session.
        if (given === undefined) continue;
        await assert.rejects(async () => {
          for await (const _ of methodOf("bidi_streaming").bidiStreaming(requests)) { /* none */ }
        }, TypeError);
      }
      assert.deepEqual(await channel.call("/echo", bytes(7)), bytes(7));
    }
  });

  Deno.test(`a message of a session that is no bytes is a TypeError, and the session goes on: ${wire}`, async () => {
    await using server = await serve(memoryAddress("sessions"), (router) => {
      router.method("/chat", { kind: "bidi_streaming" }, replying("bidi_streaming") as never);
    });
    const pass: Interceptor = (next) => (call) => next(call);
    for (const interceptors of [[], [pass]]) {
      await using channel = connect(server.addresses[0], { wire, interceptors });
      assert.throws(() => channel.session("/chat", { initial: "a" as never }), TypeError);
      await using session = channel.session("/chat");
      for (const message of [undefined, "a", 5, trapProxy(), new Proxy(bytes(1), {})]) {
        await assert.rejects(session.send(message as never), TypeError);
      }
      await session.send(bytes(3));
      assert.deepEqual(await session.receive(), bytes(3));
    }
  });

  Deno.test(`sends of a session end with it, though an interceptor never takes them: ${wire}`, async () => {
    await using server = await serve(memoryAddress("stuck"), () => {});
    await using channel = connect(server.addresses[0], {
      wire,
      interceptors: [() => () => new Promise<never>(() => {})],
    });
    const session = channel.session("/chat", { timeoutMs: 30 });
    const error = await session.send(bytes(1)).then(() => undefined, (thrown) => thrown);
    assert.equal(error.code, Status.DEADLINE_EXCEEDED);
  });
}

Deno.test("an interceptor that makes no function fails the calls, and is a TypeError as an option", async () => {
  await using server = await serve(memoryAddress("factories"), (router) => {
    router.method("/echo", {}, (request) => request);
  });
  for (const made of [undefined, null, 5, {}, Promise.reject(new Error("a fault")), trapProxy()]) {
    await using channel = connect(server.addresses[0], {
      interceptors: [() => made as unknown as Next],
    });
    await assert.rejects(channel.call("/echo", NOTHING), TypeError);
  }
  for (const given of [undefined, null, 5, "a", {}]) {
    const interceptors = [given as unknown as Interceptor];
    assert.throws(() => connect(server.addresses[0], { interceptors }), TypeError);
    await assert.rejects(serve(memoryAddress("no"), () => {}, { interceptors }), TypeError);
  }
  for (const name of ["credentials", "resolver", "dial", "observer"]) {
    for (const given of [null, 5, "a", {}]) {
      assert.throws(() => connect("127.0.0.1:1", { [name]: given }), TypeError, name);
    }
  }
});

Deno.test("an interceptor may answer a call whose deadline has passed", async () => {
  await using server = await serve(memoryAddress("fallback"), (router) => {
    router.method("/hold", {}, () => new Promise<Uint8Array>(() => {}));
  });
  const fallback: Interceptor = (next) => async (call) => {
    try {
      return await next(call);
    } catch {
      const none = new Metadata();
      return { stream: false, message: bytes(5), headers: none, trailers: none };
    }
  };
  await using channel = connect(server.addresses[0], { interceptors: [fallback] });
  assert.deepEqual(await channel.call("/hold", NOTHING, { timeoutMs: 20 }), bytes(5));
});
