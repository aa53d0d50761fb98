// An exception of an engine in a call from outside of its driver (a handler, a deadline, a signal, the caller's code)
// costs the connection, with a log line: nothing waits for ever, no other connection suffers, the process lives on.

import assert from "node:assert/strict";
import { connect, type Router, RpcError, serve, Status } from "../../../mod.ts";
import { GrpcClientStream } from "../../../src/grpc/client_stream.ts";
import { GrpcServerStream } from "../../../src/grpc/server_stream.ts";
import { Exchange } from "../../../src/http1/exchange.ts";
import { LeanClientCall } from "../../../src/lean/client_call.ts";
import { LeanServerCall } from "../../../src/lean/server_call.ts";
import { serveHttp } from "../../../src/rpc/http/server.ts";
import { memoryAddress } from "../../fixtures/names.ts";
import { capture } from "../../fixtures/printed.ts";
import { sleep, until } from "../../fixtures/waiting.ts";

const NOTHING = new Uint8Array();

/** Makes a method of an engine's calls throw while `breaks` says so; disposal restores it. */
function broken<T extends object>(
  prototype: T,
  entry: string,
  breaks: (call: T) => boolean,
  act = (): void => {
    throw new Error(`a defect in ${entry}`);
  },
): Disposable {
  const own = Object.getOwnPropertyDescriptor(prototype, entry);
  const original = Reflect.get(prototype, entry) as (...values: unknown[]) => unknown;
  Object.defineProperty(prototype, entry, {
    configurable: true,
    writable: true,
    value(this: T, ...values: unknown[]) {
      return breaks(this) ? act() : original.apply(this, values);
    },
  });
  return {
    [Symbol.dispose]() {
      if (own === undefined) Reflect.deleteProperty(prototype, entry);
      else Object.defineProperty(prototype, entry, own);
    },
  };
}

const turn = () => sleep(0);

function methods(router: Router): Promise<Uint8Array>[] {
  const held = Promise.withResolvers<Uint8Array>();
  router.method("/held", {}, () => held.promise);
  router.method("/release", {}, (request) => {
    held.resolve(request);
    return request;
  });
  router.method("/echo", {}, (request) => request);
  router.method("/victim/respond", {}, async (request) => {
    await turn();
    return request;
  });
  router.method("/victim/handlerDone", {}, async (request) => {
    await turn();
    return request;
  });
  router.method("/victim/sendStatus", {}, async () => {
    await turn();
    throw new RpcError(Status.NOT_FOUND, "no order");
  });
  router.method("/victim/sendHeaders", {}, async (request, context) => {
    await turn();
    context.sendHeaders();
    return request;
  });
  router.method("/victim/sendMessage", { kind: "server_streaming" }, async function* () {
    for (;;) {
      await turn();
      yield NOTHING;
    }
  });
  router.method("/victim/setReadPaused", { kind: "client_streaming" }, async (requests) => {
    await sleep(20);
    for await (const _ of requests) await turn();
    return NOTHING;
  });
  router.method("/victim/hangs", {}, () => new Promise<Uint8Array>(() => {}));
  router.method("/victim/deadline", {}, (_, context) => {
    context.tightenDeadline(20);
    return new Promise<Uint8Array>(() => {});
  });
  return [held.promise];
}

const SERVER_ENTRIES = [
  "respond",
  "handlerDone",
  "sendStatus",
  "sendHeaders",
  "sendMessage",
  "setReadPaused",
] as const;

/** Runs `body` with a server, a healthy channel with an open call, and the lines of the log. */
async function beside(
  wire: "grpc" | "lean",
  body: (address: string, lines: unknown[][]) => Promise<void>,
): Promise<void> {
  const lines: unknown[][] = [];
  const restore = capture(lines);
  try {
    await using server = await serve(memoryAddress("failing"), (router) => void methods(router));
    const address = server.addresses[0];
    await using healthy = connect(address, { wire });
    const held = healthy.call("/held", NOTHING);
    held.catch(() => {});
    await healthy.call("/echo", NOTHING);
    await body(address, lines);
    await until(() => server.stats().connections.open === 1);
    await healthy.call("/release", NOTHING);
    await held;
  } finally {
    restore();
  }
}

const shown = (lines: unknown[][]) => lines.flat().map((value) => Deno.inspect(value)).join("\n");

for (const wire of ["grpc", "lean"] as const) {
  const ServerCall = wire === "grpc" ? GrpcServerStream : LeanServerCall;
  const ClientCall = wire === "grpc" ? GrpcClientStream : LeanClientCall;

  for (const entry of SERVER_ENTRIES) {
    Deno.test(`${wire}: a server's call that throws in ${entry} closes its connection`, async () => {
      await beside(wire, async (address, lines) => {
        using _ = broken<{ path: string }>(
          ServerCall.prototype,
          entry,
          (call) => call.path.startsWith("/victim/"),
        );
        await using channel = connect(address, { wire });
        const path = `/victim/${entry}`;
        const options = { timeoutMs: 20_000 };
        const call = entry === "sendMessage"
          ? Array.fromAsync(channel.stream(path, NOTHING, options))
          : entry === "setReadPaused"
          ? (async () => {
            const session = channel.session(path, options);
            for (let i = 0; i < 1_000; i++) await session.send(new Uint8Array(1_000));
            session.closeSend();
            await session.receive();
          })()
          : channel.call(path, NOTHING, options);
        // The reply may have left before `handlerDone`.
        const error = await call.then(() => undefined, (error) => error);
        if (entry !== "handlerDone") assert.equal(error instanceof RpcError, true);
        if (error) assert.notEqual(error.code, Status.DEADLINE_EXCEEDED);
        await until(() => shown(lines).includes(`a defect in ${entry}`));
      });
    });
  }

  Deno.test(`${wire}: a server's call that throws in writable closes its connection`, async () => {
    await beside(wire, async (address, lines) => {
      const { prototype } = ServerCall;
      const own = Object.getOwnPropertyDescriptor(prototype, "writable");
      await using channel = connect(address, { wire });
      const replies = channel.stream("/victim/sendMessage", NOTHING, { timeoutMs: 20_000 });
      const started = Promise.withResolvers<void>();
      const call = Array.fromAsync(replies, () => started.resolve()).catch((error) => error);
      await started.promise;
      Object.defineProperty(prototype, "writable", {
        configurable: true,
        get(this: { path: string }) {
          if (this.path.startsWith("/victim/")) throw new Error("a defect in writable");
          return own?.get?.call(this) ??
            Reflect.get(Object.getPrototypeOf(prototype), "writable", this);
        },
      });
      try {
        const error = await call;
        assert.equal(error instanceof RpcError, true, Deno.inspect(error));
        assert.equal(error.code, Status.UNAVAILABLE);
        const closed = /closed, because it failed[^]*a defect in writable/;
        await until(() => closed.test(shown(lines)));
      } finally {
        if (own === undefined) Reflect.deleteProperty(prototype, "writable");
        else Object.defineProperty(prototype, "writable", own);
      }
    });
  });

  Deno.test(`${wire}: a server's deadline whose status throws closes its connection`, async () => {
    await beside(wire, async (address, lines) => {
      using _ = broken<{ path: string }>(
        ServerCall.prototype,
        "sendStatus",
        (call) => call.path.startsWith("/victim/"),
      );
      await using channel = connect(address, { wire });
      await assert.rejects(channel.call("/victim/deadline", NOTHING), RpcError);
      await until(() => shown(lines).includes("a defect in sendStatus"));
    });
  });

  const CLIENT_CALLS: Record<string, (address: string) => Promise<unknown>> = {
    "sendLastMessage of a unary call": async (address) => {
      await using channel = connect(address, { wire });
      return await channel.call("/echo", NOTHING).catch((error) => error);
    },
    "sendLastMessage of a call with a policy": async (address) => {
      await using channel = connect(address, {
        wire,
        serviceConfig: {
          methodConfig: [{
            name: [{}],
            retryPolicy: {
              maxAttempts: 2,
              initialBackoff: "0.01s",
              maxBackoff: "0.01s",
              backoffMultiplier: 1,
              retryableStatusCodes: ["ABORTED"],
            },
          }],
        },
      });
      return await channel.call("/echo", NOTHING).catch((error) => error);
    },
    "sendLastMessage of a health check": async (address) => {
      await using channel = connect(address, { wire, healthCheck: { service: "" } });
      return await channel.call("/echo", NOTHING, { timeoutMs: 200 }).catch((error) => error);
    },
    "cancel by the deadline": async (address) => {
      // The server's own timer would end the call at the same time.
      using _ = broken<{ path: string }>(
        ServerCall.prototype,
        "sendStatus",
        (call) => call.path === "/victim/hangs",
        () => {},
      );
      await using channel = connect(address, { wire });
      return await channel.call("/victim/hangs", NOTHING, { timeoutMs: 50 })
        .catch((error) => error);
    },
    "cancel by a signal": async (address) => {
      await using channel = connect(address, { wire });
      const abort = new AbortController();
      const { signal } = abort;
      const first = channel.call("/victim/hangs", NOTHING, { signal }).catch((error) => error);
      const second = channel.call("/victim/hangs", NOTHING, { signal }).catch((error) => error);
      await until(() => channel.stats().connections.some(({ activeCalls }) => activeCalls === 2));
      abort.abort();
      await second;
      return await first;
    },
    "cancel of a stream by its reader": async (address) => {
      await using channel = connect(address, { wire });
      for await (const _ of channel.stream("/victim/sendMessage", NOTHING)) break;
      return new RpcError(Status.CANCELLED, "");
    },
    "cancel of a stream by the deadline": async (address) => {
      // The server's own timer would end the call at the same time.
      using _ = broken<{ path: string }>(
        ServerCall.prototype,
        "sendStatus",
        (call) => call.path === "/victim/sendMessage",
        () => {},
      );
      await using channel = connect(address, { wire });
      return await Array.fromAsync(
        channel.stream("/victim/sendMessage", NOTHING, { timeoutMs: 50 }),
      ).catch((error) => error);
    },
    "sendMessage of a session": async (address) => {
      await using channel = connect(address, { wire });
      const session = channel.session("/victim/setReadPaused");
      session.send(NOTHING).catch(() => {});
      return await session.receive().catch((error) => error);
    },
    "halfClose of a session": async (address) => {
      await using channel = connect(address, { wire });
      await channel.call("/echo", NOTHING);
      const session = channel.session("/victim/setReadPaused");
      await session.send(NOTHING);
      session.closeSend();
      return await session.receive().catch((error) => error);
    },
    "sendMessage of a batch": async (address) => {
      await using channel = connect(address, { wire, batch: true });
      return await channel.call("/echo", NOTHING).catch((error) => error);
    },
  };
  for (const [what, run] of Object.entries(CLIENT_CALLS)) {
    if (wire === "lean" && what.endsWith("of a batch")) continue;
    Deno.test(`${wire}: a client's call that throws in ${what} closes its connection`, async () => {
      await beside(wire, async (address, lines) => {
        const entry = what.split(" ")[0];
        using _ = broken(ClientCall.prototype, entry, () => true);
        const error = await run(address);
        assert.equal(error instanceof RpcError, true, Deno.inspect(error));
        assert.match(shown(lines), new RegExp(`closed, because it failed[^]*a defect in ${entry}`));
      });
    });
  }
}

for (const [entry, body] of [["respond", "short"], ["sendBody", "x".repeat(100_000)]]) {
  Deno.test(`http: a response that throws in ${entry} closes its connection`, async () => {
    const lines: unknown[][] = [];
    const restore = capture(lines);
    try {
      await using server = await serveHttp("127.0.0.1:0", async ({ url }) => {
        await turn();
        return new Response(url.endsWith("/victim") ? body : "fine");
      });
      const url = `http://${server.address}`;
      {
        using _ = broken<Exchange>(
          Exchange.prototype,
          entry,
          (exchange) => exchange.head.target.endsWith("/victim"),
        );
        await assert.rejects(fetch(`${url}/victim`).then((response) => response.text()));
      }
      assert.equal(await (await fetch(url)).text(), "fine");
      await until(() => server.stats().open <= 1);
    } finally {
      restore();
    }
  });
}
