// Legitimate calls at a rate of bytes, or as fast as possible when it is too high: three connections with ten
// calls in flight each. The reference for the latency that an attack costs other clients.

import { connect } from "../../../mod.ts";
import type { AttackerTask } from "./report.ts";

const task = JSON.parse(Deno.args[0]) as AttackerTask & { bytesPerSecond: number };
const endMs = performance.now() + task.seconds * 1_000;
// High rates use large messages.
const payload = new Uint8Array(task.bytesPerSecond > 5_000_000 ? 16_000 : 64);
const lengthBytes = payload.length > 127 ? [payload.length & 127 | 128, payload.length >> 7] : [64];
const request = Uint8Array.of(0x0a, ...lengthBytes, ...payload);
const callBytes = request.length + 40;
const started = performance.now();
let bytes = 0;

async function caller(channel: ReturnType<typeof connect>): Promise<void> {
  while (performance.now() < endMs) {
    const aheadMs = started + bytes / task.bytesPerSecond * 1_000 - performance.now();
    if (aheadMs > 1) await new Promise((resolve) => setTimeout(resolve, Math.min(aheadMs, 100)));
    bytes += callBytes;
    await channel.call("/vrpc.echo.v1.EchoService/Echo", request, { timeoutMs: 10_000 });
  }
}

const tls = task.ca === undefined ? undefined : { ca: task.ca };
const channels = Array.from(
  { length: 3 },
  () => connect(`${task.hostname}:${task.port}`, { wire: task.wire, tls }),
);
await Promise.all(channels.flatMap((channel) => Array.from({ length: 10 }, () => caller(channel))));
await Promise.all(channels.map((channel) => channel.close()));
console.log(JSON.stringify({ bytesPerSecond: bytes / task.seconds }));
Deno.exit(0);
