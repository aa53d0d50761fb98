/**
 * Answers of the transcoders in one form.
 *
 * @module
 */

import type { Backend } from "./backend.ts";
import type { Door } from "./doors.ts";

/** What came back, and what the backend received. */
export interface Answer {
  readonly status: number;
  /** Body as received. */
  readonly text: string;
  /** Body of a successful response; of a stream, the list of its replies. */
  readonly json: unknown;
  readonly call: Backend["last"];
}

interface Sent {
  readonly method: string;
  readonly target: string;
  readonly body?: string;
  /** Requests of a stream instead of a body. */
  readonly messages?: readonly string[];
  readonly contentType?: string;
}

/**
 * Sends a request. Bodies of streams are a list with Envoy, and values one after another with grpc-gateway; the gateway
 * takes both. Replies of streams are a list with Envoy, lines with the others, and named with grpc-gateway.
 */
export async function answerOf(
  door: Door,
  { method, target, body: single, messages, contentType = "application/json" }: Sent,
  last: () => Backend["last"],
): Promise<Answer> {
  const body = messages === undefined ? single : bodyOf(door, messages);
  const { status, text } = await send(door.address, method, target, body, contentType);
  const call = last();
  if (status !== 200) return { status, text, json: undefined, call };
  const streams = STREAMS.test(call?.method ?? "");
  return { status, text, json: streams ? listOf(door, text) : parsed(text), call };
}

/** Methods that answer with a stream. */
const STREAMS =
  /\/(?:BatchGetDocuments|ExecutePipeline|RunQuery|RunAggregationQuery|Write|Listen|TailLogEntries|Chat)$/;

function bodyOf({ name }: Door, messages: readonly string[]): string {
  const isList = name === "Envoy" || name === "vrpc" && messages.length % 2 === 0;
  return isList ? `[${messages.join(",")}]` : messages.join("\n");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function listOf(door: Door, text: string): unknown[] {
  if (door.name === "Envoy") return parsed(text === "" ? "[]" : text) as unknown[];
  const lines = text.split("\n").filter((line) => line !== "").map(parsed);
  return door.name === "vrpc" ? lines : lines.map((line) => (line as { result: unknown }).result);
}

/** Sends the target as it is written: `fetch` would change it. */
async function send(
  address: string,
  method: string,
  target: string,
  body: string | undefined,
  contentType: string,
): Promise<{ status: number; headers: Headers; text: string }> {
  const [hostname, port] = address.split(":");
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const content = new TextEncoder().encode(body ?? "");
  const fields = [
    `${method} ${target} HTTP/1.1`,
    `Host: ${address}`,
    "Connection: close",
    ...(body === undefined ? [] : [`Content-Type: ${contentType}`]),
    ...(body === undefined && method === "GET" ? [] : [`Content-Length: ${content.length}`]),
  ];
  const head = new TextEncoder().encode(`${fields.join("\r\n")}\r\n\r\n`);
  const writer = connection.writable.getWriter();
  await writer.write(head);
  if (content.length > 0) await writer.write(content);
  writer.releaseLock();
  const parts: Uint8Array[] = [];
  try {
    for await (const part of connection.readable) parts.push(part);
  } catch {
    // Reset after a response to a request that was not read to its end.
  }
  return readResponse(new Uint8Array(parts.flatMap((part) => [...part])));
}

function readResponse(bytes: Uint8Array): { status: number; headers: Headers; text: string } {
  const latin = new TextDecoder("latin1").decode(bytes);
  const end = latin.indexOf("\r\n\r\n");
  const [first, ...lines] = latin.slice(0, end).split("\r\n");
  const headers = new Headers(lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as [string, string];
  }));
  let content = bytes.subarray(end + 4);
  if (headers.get("transfer-encoding") === "chunked") content = unchunked(content);
  return { status: Number(first.split(" ")[1]), headers, text: new TextDecoder().decode(content) };
}

function unchunked(bytes: Uint8Array): Uint8Array {
  const parts: number[] = [];
  for (let at = 0; at < bytes.length;) {
    let end = at;
    while (bytes[end] !== 0x0d) end++;
    const length = parseInt(new TextDecoder().decode(bytes.subarray(at, end)), 16);
    parts.push(...bytes.subarray(end + 2, end + 2 + length));
    if (length === 0) break;
    at = end + 2 + length + 2;
  }
  return new Uint8Array(parts);
}
