// Attacking process: attacker.ts {"name", "wire", "hostname", "port", "ca", "seconds"} as JSON.
// Prints one line of JSON with its counts.

import type { Attack } from "./attack.ts";
import { ATTACKS } from "./catalog.ts";
import { Answers, RawConnection } from "./raw_connection.ts";
import type { AttackerReport, AttackerTask } from "./report.ts";

const task = JSON.parse(Deno.args[0]) as AttackerTask;
const attack = ATTACKS.find((one) => one.name === task.name && one.wire === task.wire) as Attack;
const endMs = performance.now() + task.seconds * 1_000;
const answers = new Answers();
const lifetimesMs: number[] = [];
let connections = 0;
let refused = 0;
let bytesSent = 0;
let bytesReceived = 0;

async function hold(): Promise<void> {
  while (performance.now() < endMs) {
    if (attack.session !== undefined) {
      const startMs = performance.now();
      const late = new Promise<number>((resolve) => setTimeout(resolve, endMs - startMs, 0));
      bytesSent += await Promise.race([attack.session(task, (what) => answers.add(what)), late]);
      connections++;
      if (performance.now() < endMs) lifetimesMs.push(performance.now() - startMs);
      continue;
    }
    let connection: RawConnection;
    try {
      connection = await RawConnection.open(task, attack.wire, answers, attack.reading ?? true);
    } catch {
      refused++;
      await new Promise((resolve) => setTimeout(resolve, 20));
      continue;
    }
    connections++;
    // Ends writes to a server that has stopped reading.
    const timer = setTimeout(() => connection.close(), Math.max(0, endMs - performance.now()));
    await attack.run(connection);
    clearTimeout(timer);
    if (connection.closedMs < endMs) lifetimesMs.push(connection.closedMs - connection.startedMs);
    bytesSent += connection.bytesSent;
    bytesReceived += connection.bytesReceived;
    connection.close();
  }
}

await Promise.all(Array.from({ length: attack.connections ?? 3 }, hold));
lifetimesMs.sort((a, b) => a - b);
const report: AttackerReport = {
  connections,
  refused,
  bytesSent,
  bytesReceived,
  closedEarly: lifetimesMs.length,
  medianLifetimeMs: lifetimesMs[lifetimesMs.length >> 1] ?? null,
  answers: [...answers.counts].sort((a, b) => b[1] - a[1]).slice(0, 4),
};
console.log(JSON.stringify(report));
Deno.exit(0);
