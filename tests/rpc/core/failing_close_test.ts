// Whatever an engine of a client throws, and whatever throws after that: each call of the connection ends with a status,
// a log line says why, and neither the caller's code nor the process gets the exception.

import assert from "node:assert/strict";
import { type Channel, type ChannelOptions, connect, RpcError, serve } from "../../../mod.ts";
import { GrpcClientConnection } from "../../../src/grpc/client.ts";
import { GrpcClientStream } from "../../../src/grpc/client_stream.ts";
import { GrpcServerConnection } from "../../../src/grpc/server.ts";
import { LeanClientConnection } from "../../../src/lean/client.ts";
import { LeanClientCall } from "../../../src/lean/client_call.ts";
import { LeanServerConnection } from "../../../src/lean/server.ts";
import { Http1WebClient } from "../../../src/web/client/http1_client.ts";
import { Http2WebClient } from "../../../src/web/client/http2_client.ts";
import { StreamCall } from "../../../src/web/client/stream_call.ts";
import { capture } from "../../fixtures/printed.ts";
import { until } from "../../fixtures/waiting.ts";

const NOTHING = new Uint8Array();

/** Makes a member of all objects of a class throw; disposal restores it. */
function broken(prototype: object, entry: string): Disposable {
  const own = Object.getOwnPropertyDescriptor(prototype, entry);
  const fail = () => {
    throw new Error(`a defect in ${entry}`);
  };
  const isMethod = typeof own?.value === "function";
  Object.defineProperty(prototype, entry, {
    configurable: true,
    ...(isMethod ? { value: fail } : { get: fail, set: own?.set }),
  });
  return {
    [Symbol.dispose]() {
      if (own === undefined) Reflect.deleteProperty(prototype, entry);
      else Object.defineProperty(prototype, entry, own);
    },
  };
}

interface Wire {
  readonly options: ChannelOptions;
  readonly connection: object;
  readonly call: object;
  /** Whether each call has a connection of its own, which notices a defect when the reply arrives. */
  readonly oneCall?: boolean;
}

const WIRES: Record<string, Wire> = {
  grpc: {
    options: { wire: "grpc" },
    connection: GrpcClientConnection.prototype,
    call: GrpcClientStream.prototype,
  },
  lean: {
    options: { wire: "lean" },
    connection: LeanClientConnection.prototype,
    call: LeanClientCall.prototype,
  },
  "grpc-web over HTTP/2": {
    options: { wire: "grpc-web", httpVersion: "2" },
    connection: Http2WebClient.prototype,
    call: StreamCall.prototype,
  },
  "grpc-web over HTTP/1.1": {
    options: { wire: "grpc-web", httpVersion: "1.1" },
    connection: Http1WebClient.prototype,
    call: StreamCall.prototype,
    oneCall: true,
  },
};

/** Runs `body` with a channel that has open calls without a deadline; they must end once `body` has returned. */
async function withOpenCalls(
  { options, oneCall }: Wire,
  body: (channel: Channel, shown: () => string, ended: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const lines: unknown[][] = [];
  const restore = capture(lines);
  const release = Promise.withResolvers<Uint8Array>();
  try {
    await using server = await serve("127.0.0.1:0", (router) => {
      router.method("/hangs", {}, () => release.promise);
      router.method("/stream", { kind: "server_streaming" }, async function* () {
        yield NOTHING;
        await release.promise;
      });
      router.method("/session", { kind: "client_streaming" }, () => release.promise);
      router.method("/echo", {}, (request) => request);
    }, { web: true });
    const channel = connect(server.addresses[0], options);
    try {
      const unary = channel.call("/hangs", NOTHING).catch((error) => error);
      const stream = Array.fromAsync(channel.stream("/stream", NOTHING)).catch((error) => error);
      const session = channel.session("/session");
      await session.send(NOTHING);
      const received = session.receive().catch((error) => error);
      await until(() => server.stats().calls.started === 3);
      const shown = () => lines.flat().map((value) => Deno.inspect(value)).join("\n");
      await body(channel, shown, async () => {
        if (oneCall) release.resolve(NOTHING);
        const results: unknown[] = [];
        for (const call of [unary, stream, received]) call.then((result) => results.push(result));
        await until(() => results.length === 3);
        if (oneCall) return;
        for (const result of results) {
          assert.equal(result instanceof RpcError, true, Deno.inspect(result));
        }
      });
    } finally {
      release.resolve(NOTHING);
      await channel.close();
    }
  } finally {
    restore();
  }
}

/** Uses what reads the engine's properties. What it throws fails the test. */
async function use(channel: Channel): Promise<void> {
  channel.stats();
  await channel.call("/echo", NOTHING, { timeoutMs: 500 }).catch((error) => {
    assert.equal(error instanceof RpcError, true, Deno.inspect(error));
  });
  channel.stats();
  channel.resize({ min: 2, max: 4 });
  // With a broken engine the second connection may never be ready.
  const ready = () => channel.stats().connections.filter(({ state }) => state === "ready").length;
  await until(() => ready() === 2, 50).catch(() => {});
  channel.resize({ min: 1, max: 1 });
  channel.stats();
}

const GETTERS = [
  "ready",
  "usable",
  "activeCalls",
  "maxCalls",
  "bufferedBytes",
  "finished",
  "wantsRead",
  "out",
  "endReason",
  "tooManyPings",
  "endedByCall",
  "closesAtOnce",
] as const;

for (const [name, wire] of Object.entries(WIRES)) {
  Deno.test(`${name}: calls end when transportLost of a failing engine throws`, async () => {
    await withOpenCalls(wire, async (channel, shown, ended) => {
      using _ = broken(wire.connection, "transportLost");
      using _2 = broken(wire.connection, "receive");
      using _3 = broken(wire.connection, "receiveEnd");
      await channel.call("/echo", NOTHING, { timeoutMs: 1_000 }).catch(() => {});
      await ended();
      await until(() => shown().includes("a defect in transportLost"));
    });
  });

  for (const entry of GETTERS) {
    if (!(entry in wire.connection)) continue;
    Deno.test(`${name}: an engine that throws in ${entry} costs its connection only`, async () => {
      await withOpenCalls(wire, async (channel, shown, ended) => {
        {
          using _ = broken(wire.connection, entry);
          using _2 = broken(wire.connection, "transportLost");
          await use(channel);
          // The reason of an end, and whether the server blames pings, are read at the end.
          using _3 = broken(wire.connection, "receive");
          await use(channel);
          await ended();
        }
        await until(() => shown().includes(`a defect in ${entry}`));
        assert.match(shown(), /closed, because it failed/);
      });
    });
  }

  Deno.test(`${name}: a call that throws in writable closes its connection`, async () => {
    await withOpenCalls(wire, async (channel, shown, ended) => {
      using _ = broken(wire.call, "writable");
      const session = channel.session("/session");
      await session.send(NOTHING).catch(() => {});
      await until(() => channel.stats().connections.every(({ state }) => state === "ready"));
      await session.send(NOTHING).catch((error) => assert.equal(error instanceof RpcError, true));
      await assert.rejects(session.receive(), RpcError);
      await ended();
      assert.match(shown(), /closed, because it failed[^]*a defect in writable/);
    });
  });
}

for (const wire of ["grpc", "lean"] as const) {
  const Connection = wire === "grpc" ? GrpcServerConnection : LeanServerConnection;
  Deno.test(`${wire}: handlers of a server are cancelled when transportLost throws`, async () => {
    const lines: unknown[][] = [];
    const restore = capture(lines);
    try {
      const signal = Promise.withResolvers<AbortSignal>();
      await using server = await serve("127.0.0.1:0", (router) => {
        router.method("/hangs", {}, (_, context) => {
          signal.resolve(context.signal);
          return new Promise<Uint8Array>(() => {});
        });
      });
      await using channel = connect(server.addresses[0], { wire });
      const call = assert.rejects(channel.call("/hangs", NOTHING), RpcError);
      const { aborted, reason } = await (async () => {
        const fired = await signal.promise;
        using _ = broken(Connection.prototype, "transportLost");
        using _2 = broken(Connection.prototype, "activeCalls");
        assert.equal(server.stats().calls.started, 1);
        await channel.close();
        await until(() => fired.aborted);
        server.stats();
        return fired;
      })();
      assert.equal(aborted, true);
      assert.equal(reason instanceof RpcError, true);
      await call;
      await until(() => server.stats().connections.open === 0);
    } finally {
      restore();
    }
  });
}
