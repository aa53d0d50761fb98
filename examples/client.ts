/**
 * Calls the example server: health, echo, many calls at once, a stream.
 *
 *     deno run -A examples/client.ts [ADDRESS] [MESSAGES_OF_THE_STREAM]
 *
 * @module
 */

import { connect, printable, RpcError } from "../mod.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const tls = { insecure: true }; // for development: accepts the self-signed certificate
await using channel = connect(Deno.args[0] ?? "127.0.0.1:8446", { wire: "lean", tls });

try {
  await channel.ready({ timeoutMs: 2_000 });
} catch (error) {
  console.error((error as Error).message);
  Deno.exit(1);
}

for (const { name, kind, description } of await channel.capabilities({ timeoutMs: 1_000 })) {
  console.log(printable(`method ${name} (${kind}): ${description}`));
}

const health = await channel.call("/health", new Uint8Array(), { timeoutMs: 1_000 });
console.log(`health: ${JSON.parse(decoder.decode(health)).status}`);

for (const text of ["hello", "special characters: 你好 🌍", '{"key":"value"}']) {
  const reply = await channel.call("/echo", encoder.encode(text), { timeoutMs: 1_000 });
  console.log(`echo: ${decoder.decode(reply)}`);
}

const numbers = Array.from({ length: 100 }, (_, i) => `call ${i}`);
const replies = await Promise.all(
  numbers.map((text) => channel.call("/echo", encoder.encode(text), { timeoutMs: 5_000 })),
);
const right = replies.filter((reply, i) => decoder.decode(reply) === numbers[i]).length;
console.log(`concurrent: ${right} of ${numbers.length} came back`);

const count = Deno.args[1] ?? "3";
for await (
  const message of channel.stream("/stream/time", encoder.encode(count), { timeoutMs: 15_000 })
) console.log(`time: ${decoder.decode(message)}`);

try {
  await channel.call("/nothing", new Uint8Array(), { timeoutMs: 1_000 });
} catch (error) {
  if (error instanceof RpcError) console.log(`error: ${error.codeName}: ${error.message}`);
}
