/** Well-behaved calls: over an RPC wire to the server program, or over HTTP to the host program. */

import { connect } from "../../../mod.ts";
import type { AttackerTask } from "./report.ts";

/** Makes calls on one connection, or few. */
export interface Caller {
  /** Echoes `bytes` bytes; rejects when that fails or takes longer than `timeoutMs`. */
  echo(bytes: number, timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

/** Connects to the victim of an attack. */
export function openCaller(task: Omit<AttackerTask, "name" | "seconds">): Caller {
  const address = `${task.hostname}:${task.port}`;
  if (task.wire === "http1") return httpCaller(`http://${address}/echo`);
  const tls = task.ca === undefined ? undefined : { ca: task.ca };
  const channel = connect(address, { wire: task.wire, tls });
  return {
    async echo(bytes, timeoutMs) {
      const length = bytes > 127 ? [bytes & 127 | 128, bytes >> 7] : [bytes];
      const request = Uint8Array.of(0x0a, ...length, ...new Uint8Array(bytes));
      await channel.call("/vrpc.echo.v1.EchoService/Echo", request, { timeoutMs });
    },
    close: () => channel.close(),
  };
}

function httpCaller(url: string): Caller {
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 10 });
  return {
    async echo(bytes, timeoutMs) {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ xid: "x".repeat(bytes) }),
        signal: AbortSignal.timeout(timeoutMs),
        client,
      });
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${response.status} ${text}`);
    },
    close() {
      client.close();
      return Promise.resolve();
    },
  };
}
