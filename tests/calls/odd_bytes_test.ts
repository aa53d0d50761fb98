import assert from "node:assert/strict";
import { connect, serve } from "../../mod.ts";
import { memoryAddress } from "../fixtures/names.ts";

// Messages are read as the bytes that they hold, whatever a subclass makes of its methods: both ends of a connection
// trust the length of what they queue.

class ThrowsToCut extends Uint8Array {
  override subarray(): Uint8Array<ArrayBuffer> {
    throw new Error("subarray");
  }
  override slice(): Uint8Array<ArrayBuffer> {
    throw new Error("slice");
  }
}

class LiesAboutLength extends Uint8Array {
  override get length(): number {
    return 3;
  }
}

const SIZE = 100_000;

for (const wire of ["grpc", "lean"] as const) {
  for (const Odd of [ThrowsToCut, LiesAboutLength]) {
    Deno.test(`bytes of a subclass are sent like others, in both directions: ${Odd.name}, ${wire}`, async () => {
      const address = memoryAddress();
      const empty = new Uint8Array();
      await using _server = await serve(address, (router) => {
        router.method("/reply", {}, () => new Odd(SIZE).fill(7));
        router.method("/replies", { kind: "server_streaming" }, async function* () {
          yield await Promise.resolve(new Odd(SIZE).fill(7));
        });
        router.method(
          "/length",
          {},
          (request) => new Uint8Array([request.length === SIZE ? 1 : 0]),
        );
        router.method("/lengths", { kind: "bidi_streaming" }, async function* (requests) {
          for await (const one of requests) yield new Uint8Array([one.length === SIZE ? 1 : 0]);
        });
      });
      await using channel = connect(address, { wire });
      const limits = { timeoutMs: 2_000 };
      const request = new Odd(SIZE).fill(7);
      assert.equal((await channel.call("/length", request, limits))[0], 1);
      assert.equal((await channel.call("/reply", empty, limits)).length, SIZE);
      await using session = channel.session("/lengths", limits);
      await session.send(request);
      assert.equal((await session.receive())![0], 1);
      await session.closeSend();
      await using replies = channel.session("/replies", limits);
      await replies.send(empty);
      await replies.closeSend();
      assert.equal((await replies.receive())!.length, SIZE);
    });
  }
}
