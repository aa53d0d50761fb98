import assert from "node:assert/strict";
import { type ChannelOptions, connect, serve, Status } from "../../../mod.ts";
import { memoryPair } from "../../../src/transport/memory.ts";
import type { ByteStream } from "../../../src/transport/types.ts";
import { failure } from "../../../src/testing/failure.ts";
import { misbehaviours, trapProxy } from "../../fixtures/misbehaviour.ts";
import { memoryAddress } from "../../fixtures/names.ts";
import { capture } from "../../fixtures/printed.ts";

// A dial or a resolver of the application that misbehaves makes calls fail with UNAVAILABLE or the deadline. It neither
// ends the process nor keeps its thread busy.

const NOTHING = new Uint8Array();
const WIRES = ["grpc", "lean"] as const;

async function failsAlone(options: ChannelOptions, target = "somewhere:1"): Promise<void> {
  const restore = capture([]);
  try {
    await using channel = connect(target, {
      connectTimeoutMs: 200,
      initialBackoffMs: 10_000,
      maxBackoffMs: 10_000,
      ...options,
    });
    const error = await failure(channel.call("/echo", NOTHING, { timeoutMs: 40 }));
    assert.ok([Status.UNAVAILABLE, Status.DEADLINE_EXCEEDED].includes(error.code as 4), `${error}`);
    // A connection that spins would keep timers from firing.
    await new Promise((resolve) => setTimeout(resolve, 1));
  } finally {
    restore();
  }
}

/** A stream to a server, with members that misbehave. */
function streamWith(server: { serveConnection(stream: ByteStream): void }, members: object) {
  const [near, far] = memoryPair();
  server.serveConnection(far);
  return Object.assign(near, members);
}

for (const wire of WIRES) {
  Deno.test(`dial: however it misbehaves, the call fails: ${wire}`, async (t) => {
    for (const [how, bad] of Object.entries(misbehaviours())) {
      await t.step(how, () => failsAlone({ wire, dial: bad as never }));
    }
  });

  for (const member of ["read", "write", "handshake", "peer"]) {
    Deno.test(`${member} of a dialled stream: however it misbehaves, the call fails: ${wire}`, async (t) => {
      await using server = await serve(memoryAddress("dial"), (router) => {
        router.method("/echo", {}, (request) => request);
      });
      for (const [how, bad] of Object.entries(misbehaviours())) {
        // A handshake and a peer have no result to be wrong.
        if (member === "handshake" && /^returns/.test(how)) continue;
        await t.step(how, () =>
          failsAlone({
            wire,
            dial: () => {
              if (member !== "peer") {
                return Promise.resolve(streamWith(server, { [member]: bad }));
              }
              const stream = streamWith(server, {});
              Object.defineProperty(stream, "peer", { get: bad });
              return Promise.resolve(stream);
            },
          }).catch((error) => {
            // An object may pass for a peer.
            if (member !== "peer" || !/succeeded/.test(String(error))) throw error;
          }));
      }
    });
  }

  for (const count of [0, -1, NaN, Infinity, 1e9, 0.5]) {
    Deno.test(`a read or write that returns ${count} loses the connection: ${wire}`, async () => {
      await using server = await serve(memoryAddress("dial"), () => {});
      for (const member of ["read", "write"]) {
        await failsAlone({
          wire,
          dial: () =>
            Promise.resolve(streamWith(server, { [member]: () => Promise.resolve(count) })),
        });
      }
    });
  }

  for (const member of ["close", "closeWrite"]) {
    Deno.test(`${member} of a dialled stream: however it misbehaves, the call before succeeds: ${wire}`, async (t) => {
      await using server = await serve(memoryAddress("dial"), (router) => {
        router.method("/echo", {}, (request) => request);
      });
      for (const [how, bad] of Object.entries(misbehaviours())) {
        await t.step(how, async () => {
          const restore = capture([]);
          try {
            let stream: ByteStream | undefined;
            const channel = connect("a", {
              wire,
              dial: () => {
                stream = streamWith(server, {});
                const close = stream.close.bind(stream);
                Object.assign(stream, {
                  [member]: () => {
                    close();
                    return bad();
                  },
                });
                return Promise.resolve(stream);
              },
            });
            await channel.call("/echo", NOTHING);
            await channel.close();
          } finally {
            restore();
          }
        });
      }
    });
  }

  Deno.test(`resolver: however it misbehaves, the call fails: ${wire}`, async (t) => {
    for (const [how, bad] of Object.entries(misbehaviours())) {
      for (const balancer of ["pick_first", "round_robin"] as const) {
        await t.step(
          `${how}, ${balancer}`,
          () => failsAlone({ wire, balancer, resolver: bad as never }, "dns:///somewhere:1"),
        );
      }
    }
    for (
      const address of [null, {}, { kind: "odd" }, { kind: "tcp", host: 5, port: "a" }, trapProxy()]
    ) {
      await failsAlone({
        wire,
        balancer: "round_robin",
        resolver: () => Promise.resolve([address as never]),
      }, "dns:///somewhere:1");
    }
  });
}

Deno.test("a resolution that never settles fails after connectTimeoutMs, and is repeated", async () => {
  await using server = await serve(memoryAddress("late"), (router) => {
    router.method("/echo", {}, (request) => request);
  });
  let resolutions = 0;
  await using channel = connect("dns:///somewhere:1", {
    balancer: "round_robin",
    connectTimeoutMs: 30,
    minResolveIntervalMs: 0,
    resolver: () => {
      if (resolutions++ === 0) return new Promise(() => {});
      return Promise.resolve([{
        kind: "memory",
        name: server.addresses[0].slice("memory:".length),
      }]);
    },
  });
  const error = await failure(channel.call("/echo", NOTHING));
  assert.match(error.message, /Cannot resolve dns:\/\/\/somewhere:1: timed out after 30 ms/);
  await channel.call("/echo", NOTHING, { waitForReady: true });
});

Deno.test("a listener of the signal of dial or resolver that throws is logged", async () => {
  const lines: unknown[][] = [];
  const restore = capture(lines);
  try {
    const listen = (signal: AbortSignal) => {
      signal.addEventListener("abort", () => {
        throw new Error("a listener");
      });
      return new Promise<never>(() => {});
    };
    const options = { connectTimeoutMs: 20, balancer: "round_robin" } as const;
    await using dialled = connect("a", { ...options, dial: (_, { signal }) => listen(signal!) });
    await failure(dialled.call("/echo", NOTHING));
    await using resolved = connect("dns:///a:1", {
      ...options,
      resolver: (_host, _port, signal) => listen(signal),
    });
    await failure(resolved.call("/echo", NOTHING));
  } finally {
    restore();
  }
  assert.match(String(lines[0][0]), /listener of the signal that dial takes/);
  assert.match(String(lines[1][0]), /listener of the resolver's signal/);
});
