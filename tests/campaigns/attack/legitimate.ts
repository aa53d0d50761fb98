// Legitimate calls at a rate of bytes, or as fast as possible when it is too high: three connections with ten
// calls in flight each. The reference for the latency that an attack costs other clients.

import { type Caller, openCaller } from "./caller.ts";
import type { AttackerTask } from "./report.ts";

const task = JSON.parse(Deno.args[0]) as AttackerTask & { bytesPerSecond: number };
const endMs = performance.now() + task.seconds * 1_000;
// High rates use large messages.
const echoBytes = task.bytesPerSecond > 5_000_000 ? 16_000 : 64;
const callBytes = echoBytes + 42;
const started = performance.now();
let bytes = 0;

async function call(caller: Caller): Promise<void> {
  while (performance.now() < endMs) {
    const aheadMs = started + bytes / task.bytesPerSecond * 1_000 - performance.now();
    if (aheadMs > 1) await new Promise((resolve) => setTimeout(resolve, Math.min(aheadMs, 100)));
    bytes += callBytes;
    await caller.echo(echoBytes, 10_000);
  }
}

const callers = Array.from({ length: 3 }, () => openCaller(task));
await Promise.all(callers.flatMap((caller) => Array.from({ length: 10 }, () => call(caller))));
await Promise.all(callers.map((caller) => caller.close()));
console.log(JSON.stringify({ bytesPerSecond: bytes / task.seconds }));
Deno.exit(0);
