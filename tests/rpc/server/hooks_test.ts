import assert from "node:assert/strict";
import {
  authorize,
  connect,
  type Interceptor,
  logCalls,
  type MethodKind,
  type Router,
  RpcError,
  serve,
  type ServeOptions,
  Status,
} from "../../../mod.ts";
import type { DispatcherWrapper } from "../../../src/rpc/dispatch/dispatcher.ts";
import { memoryAddress } from "../../fixtures/names.ts";
import { misbehaviours, THROWN } from "../../fixtures/misbehaviour.ts";
import { until } from "../../fixtures/waiting.ts";

// Nothing that an application gives to a server may end a connection or touch another call. Each hook misbehaves in
// each way, for the path /bad alone, on a connection with a call that is open all the time.

const WIRES = ["grpc", "lean"] as const;
const BAD = "/bad";
const NOTHING = new Uint8Array();
const bytes = (...values: number[]) => new Uint8Array(values);

/** A server with a hook that misbehaves: methods to add, options to serve with. */
interface Case {
  configure?(router: Router): void;
  options?: ServeOptions;
  kind?: MethodKind;
  /** Whether the call may succeed, as the hook only watches. */
  mayPass?: boolean;
}

/** Makes the case in which a hook is `bad`. */
type MakeCase = (bad: (...args: never[]) => never) => Case;

const method = (kind: MethodKind) => (bad: () => unknown): Case => ({
  kind,
  configure: (router) => void router.method(BAD, { kind }, bad as never),
});

const interceptor = (kind: MethodKind): MakeCase => (bad) => ({
  kind,
  configure: (router) =>
    void router.use((() => bad) as unknown as Interceptor).method(
      BAD,
      { kind },
      (() => [bytes(1)]) as never,
    ),
});

const codec = (kind: MethodKind, side: "requestCodec" | "responseCodec"): MakeCase => (bad) => ({
  kind,
  configure: (router) =>
    void router.method(
      BAD,
      { kind, [side]: { name: "odd", encode: bad, decode: bad } },
      (kind === "server_streaming"
        ? () => [bytes(1)]
        : kind === "client_streaming"
        ? async (requests: AsyncIterable<Uint8Array>) => {
          let last: Uint8Array = bytes(1);
          for await (const request of requests) last = request;
          return last;
        }
        : (request: unknown) => request) as never,
    ),
});

/** A dispatcher of which one member misbehaves for the path. */
const dispatcher = (member: string, path = BAD): MakeCase => (bad) => ({
  configure: (router) => void router.method(BAD, {}, (request) => request),
  options: {
    dispatcher: ((next) => ({
      find: (at) => next.find(at),
      dispatch: (...args) => next.dispatch(...args),
      explainMissing: (at: string) => `Unknown ${at}`,
      [member](...args: unknown[]) {
        const at = typeof args[0] === "string" ? args[0] : (args[0] as { path: string }).path;
        // deno-lint-ignore no-explicit-any -- one of three members
        return at === path ? bad() : (next as any)[member](...args);
      },
    })) as DispatcherWrapper,
  },
});

const observer = (event: "started" | "sent" | "received" | "ended"): MakeCase => (bad) => ({
  mayPass: true,
  configure: (router) => void router.method(BAD, {}, (request) => request),
  options: {
    observer: {
      started: (path) => {
        if (path !== BAD) return undefined;
        if (event === "started") return (bad as () => never)();
        return { sent() {}, received() {}, ended() {}, [event]: bad };
      },
    },
  },
});

const HOOKS: Readonly<Record<string, MakeCase>> = {
  "handler, unary": method("unary"),
  "handler, client_streaming": method("client_streaming"),
  "handler, server_streaming": method("server_streaming"),
  "handler, bidi_streaming": method("bidi_streaming"),
  "handler, a yielded reply": (bad) => ({
    kind: "server_streaming",
    configure: (router) =>
      void router.method(BAD, { kind: "server_streaming" }, async function* () {
        yield bytes(1);
        yield await (bad as () => never)();
      }),
  }),
  "handler, a written reply": (bad) => ({
    kind: "server_streaming",
    configure: (router) =>
      void router.method(BAD, { kind: "server_streaming" }, async (_request, { stream }) => {
        await stream.write(bytes(1));
        await stream.write((bad as () => never)());
      }),
  }),
  "interceptor, unary": interceptor("unary"),
  "interceptor, client_streaming": interceptor("client_streaming"),
  "interceptor, server_streaming": interceptor("server_streaming"),
  "interceptor, bidi_streaming": interceptor("bidi_streaming"),
  "interceptor, reply": (bad) => ({
    configure: (router) =>
      void router.use(() => () => Promise.resolve((bad as () => never)()))
        .method(BAD, {}, (r) => r),
  }),
  "requestCodec, unary": codec("unary", "requestCodec"),
  "requestCodec, client_streaming": codec("client_streaming", "requestCodec"),
  "responseCodec, unary": codec("unary", "responseCodec"),
  "responseCodec, server_streaming": codec("server_streaming", "responseCodec"),
  "dispatcher.find": dispatcher("find"),
  "dispatcher.dispatch": dispatcher("dispatch"),
  "dispatcher.explainMissing": (bad) => ({
    ...dispatcher("explainMissing", BAD)(bad),
    configure: undefined,
  }),
  "observer.started": observer("started"),
  "observer.sent": observer("sent"),
  "observer.received": observer("received"),
  "observer.ended": observer("ended"),
  "rule of authorize": (bad) => ({
    mayPass: true,
    configure: (router) => void router.method(BAD, {}, (request) => request),
    options: { interceptors: [authorize({ [BAD]: bad as () => never, "*": () => true })] },
  }),
  "listener of context.signal": (bad) => ({
    configure: (router) =>
      void router.method(BAD, {}, (_request, { signal }) => {
        signal.addEventListener("abort", bad as () => never);
        return new Promise<Uint8Array>(() => {});
      }),
  }),
};

for (const wire of WIRES) {
  for (const [hook, make] of Object.entries(HOOKS)) {
    Deno.test(`${hook}: however it misbehaves, only its own call fails: ${wire}`, async (t) => {
      for (const [how, bad] of Object.entries(misbehaviours())) {
        // A listener's promise is the application's own: it does not reach the library. A Proxy that a listener throws
        // ends the process in the runtime's own report.
        if (/^listener/.test(hook) && /^rejects|rejected|^throws a trap/.test(how)) continue;
        await t.step(how, () => survives(make(bad as never), wire));
      }
    });
  }
}

async function survives(
  { configure, options, kind = "unary", mayPass }: Case,
  wire: "grpc" | "lean",
) {
  const release = Promise.withResolvers<Uint8Array>();
  await using server = await serve(memoryAddress("hooks"), (router) => {
    router.method("/echo", {}, (request) => request);
    router.method("/hold", {}, () => release.promise);
    configure?.(router);
  }, { ...options, printFailures: false });
  await using channel = connect(server.addresses[0], { wire, poolSize: { min: 1, max: 1 } });
  const held = channel.call("/hold", NOTHING);
  await channel.call("/echo", NOTHING);
  for (let round = 0; round < 2; round++) await badCall(channel, kind, mayPass ?? false);
  assert.deepEqual(await channel.call("/echo", bytes(7)), bytes(7));
  release.resolve(bytes(9));
  assert.deepEqual(await held, bytes(9));
  assert.equal(server.stats().connections.accepted, 1);
  await until(() => server.stats().calls.active === 0 || hangs(server));
}

// A handler that never returns keeps its slot, as it should.
const hangs = (server: { stats(): { calls: { active: number } } }) =>
  server.stats().calls.active <= 2;

async function badCall(
  channel: ReturnType<typeof connect>,
  kind: MethodKind,
  mayPass: boolean,
): Promise<void> {
  const options = { timeoutMs: 60 };
  try {
    if (kind === "unary") {
      await channel.call(BAD, bytes(1), options);
    } else {
      const session = channel.session(BAD, options);
      await session.send(bytes(1)).catch(() => {});
      session.closeSend();
      for await (const _ of session) { /* until its end */ }
    }
  } catch (error) {
    assert.ok(error instanceof RpcError, `${error}`);
    assert.notEqual(error.code, Status.OK);
    assert.notEqual(error.code, Status.UNAVAILABLE, error.message);
    return;
  }
  if (!mayPass) return;
}

for (const wire of WIRES) {
  Deno.test(`a code that is not gRPC's is sent as UNKNOWN, with the text: ${wire}`, async () => {
    await using server = await serve(memoryAddress("codes"), (router) => {
      for (const [name, make] of Object.entries(THROWN)) {
        router.method(`/${name}`, {}, () => {
          throw make();
        });
      }
    }, { interceptors: [logCalls()], printFailures: false });
    await using channel = connect(server.addresses[0], { wire: "lean" });
    for (const name of Object.keys(THROWN).filter((one) => one.startsWith("code "))) {
      const error = await channel.call(`/${name}`, NOTHING).catch((e) => e);
      assert.equal(error.code, Status.UNKNOWN, name);
      assert.equal(error.message, "odd", name);
    }
  });
}
