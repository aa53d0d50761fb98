/** Well-behaved calls: over a wire of the server program, or over HTTP to the host program. */

import { connect } from "../../../mod.ts";
import { text, untext } from "../../fixtures/bytes.ts";
import type { Victim } from "./raw_connection.ts";
import type { AttackerTask } from "./report.ts";

/** Makes calls on one connection, or few. */
export interface Caller {
  /** Echoes `bytes` bytes; rejects when that fails or takes longer than `timeoutMs`. */
  echo(bytes: number, timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

/** Connects to the victim of an attack. */
export function openCaller(task: Omit<AttackerTask, "name" | "seconds">): Caller {
  if (task.wire === "http1") {
    return httpCaller(task, "/echo", (bytes) => ({ xid: "x".repeat(bytes) }));
  }
  if (task.wire === "web") {
    const payloadOf = (bytes: number) => ({ payload: new Uint8Array(bytes).toBase64() });
    return httpCaller(task, "/vrpc.echo.v1.EchoService/Echo", payloadOf);
  }
  const address = `${task.hostname}:${task.port}`;
  const tls = task.ca === undefined ? undefined : { ca: task.ca };
  // Beside attacks on WebSockets, the others of the port go on.
  const wire = task.wire === "websocket" ? "lean" : task.wire;
  const channel = connect(address, { wire, tls });
  return {
    async echo(bytes, timeoutMs) {
      const length = bytes > 127 ? [bytes & 127 | 128, bytes >> 7] : [bytes];
      const request = Uint8Array.of(0x0a, ...length, ...new Uint8Array(bytes));
      await channel.call("/vrpc.echo.v1.EchoService/Echo", request, { timeoutMs });
    },
    close: () => channel.close(),
  };
}

/**
 * Makes calls over plain sockets: `fetch` takes so much of the core, in front of the attackers and of the enclave, that
 * it was the longest part of the latency.
 */
function httpCaller(
  { hostname, port }: Victim,
  path: string,
  messageOf: (bytes: number) => unknown,
): Caller {
  const idle: Deno.TcpConn[] = [];
  return {
    async echo(bytes, timeoutMs) {
      const conn = idle.pop() ?? await Deno.connect({ hostname, port });
      const timer = setTimeout(() => conn.close(), timeoutMs);
      try {
        await post(conn, path, `${hostname}:${port}`, JSON.stringify(messageOf(bytes)));
        idle.push(conn);
      } finally {
        clearTimeout(timer);
      }
    },
    close() {
      for (const conn of idle) conn.close();
      return Promise.resolve();
    },
  };
}

/** Posts JSON, and reads a response with a Content-Length; rejects unless it is 200. */
async function post(
  conn: Deno.TcpConn,
  path: string,
  host: string,
  body: string,
): Promise<void> {
  const head = `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n`;
  const request = text(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
  for (let at = 0; at < request.length;) at += await conn.write(request.subarray(at));
  const buffer = new Uint8Array(4_096);
  let response = "";
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) throw new Error("The connection was closed");
    response += untext(buffer.subarray(0, count));
    const end = response.indexOf("\r\n\r\n") + 4;
    const length = /\ncontent-length: (\d+)\r\n/i.exec(response.slice(0, end));
    if (length === null || response.length < end + Number(length[1])) continue;
    if (response.startsWith("HTTP/1.1 200 ")) return;
    throw new Error(response);
  }
}
