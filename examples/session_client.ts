/**
 * Opens a session with session_server.ts, sends three messages, half-closes and reads to the end.
 *
 *     deno run -A examples/session_client.ts [ADDRESS]
 *
 * @module
 */

import { connect, printable } from "../mod.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const tls = { insecure: true }; // for development: accepts the self-signed certificate
await using channel = connect(Deno.args[0] ?? "127.0.0.1:8447", { wire: "lean", tls });
try {
  await channel.ready({ timeoutMs: 2_000 });
} catch (error) {
  console.error(printable((error as Error).message));
  Deno.exit(1);
}
await using session = channel.session("/session", { timeoutMs: 15_000 });

const greeting = await session.receive();
console.log(printable(`received: ${decoder.decode(greeting!)}`));

// Sending and receiving are independent; `send` waits while the window is full.
for (const text of ["one", "seventeen", "🌍"]) await session.send(encoder.encode(text));
session.closeSend();

for await (const message of session) {
  console.log(printable(`received: ${decoder.decode(message)}`));
}
