/**
 * Keepalive: a network that silently drops everything is noticed, and the call on it ends.
 *
 *     deno run -A examples/keepalive/main.ts
 *
 * Time here is that of the testing kit's clock, so that nobody has to wait for the minute that passes.
 *
 * @module
 */

import { RpcError } from "@vrpc/vrpc";
import { FakeClock, testServer } from "@vrpc/vrpc/testing";
import { type ByteStream, dial } from "@vrpc/vrpc/transport";

let unplugged = false;

/** A connection whose cable can be pulled: nothing arrives any more, and no error either. */
async function dialCable(address: string, options: { signal?: AbortSignal }): Promise<ByteStream> {
  const stream = await dial(address, options);
  const never = new Promise<never>(() => {});
  return {
    peer: stream.peer,
    localAddress: stream.localAddress,
    async read(buffer) {
      const count = await stream.read(buffer);
      return unplugged ? await never : count;
    },
    write: (data) => unplugged ? Promise.resolve(data.length) : stream.write(data),
    closeWrite: () => stream.closeWrite(),
    close: () => stream.close(),
  };
}

const clock = new FakeClock();
await using test = await testServer((router) => {
  router.method("/wait", {}, async (_, { signal }) => {
    await clock.sleep(35_000, signal);
    return new Uint8Array();
  });
}, {
  clock,
  serve: { keepaliveTimeMs: 120_000 }, // servers ping, too: by default after two hours of silence
  connect: {
    dial: dialCable,
    keepaliveTimeMs: 30_000, // silence on a connection with calls after which it is pinged
    keepaliveTimeoutMs: 5_000, // time for the answer
  },
});

await clock.run(test.channel.call("/wait", new Uint8Array()));
console.log(`the server answers pings: OK after ${clock.now() / 1000} s`);

const startMs = clock.now();
const call = test.channel.call("/wait", new Uint8Array());
await clock.advance(1_000); // the call is under way
unplugged = true;
const error = await clock.run(call.catch((error) => error));
if (!(error instanceof RpcError)) throw new Error("The call was to fail");
console.log(`unplugged: ${error.codeName} after ${Math.round((clock.now() - startMs) / 1000)} s`);
console.log(error.message);
