/**
 * Replies of a server stream as the body of a response: JSON lines, Server-Sent Events, or bytes of a google.api.HttpBody.
 *
 * @module
 */

import { RpcError } from "../errors.ts";
import type { ErrorForm } from "./http_errors.ts";
import { httpBodyHeaders } from "./raw_response.ts";
import { replyHttpBody, replyJson, type ReplyShape } from "./transcoding/reply_body.ts";

const encoder = new TextEncoder();

/** How replies and a failure after the first of them are written. */
interface StreamForm {
  readonly headers: Record<string, string>;
  reply(reply: Uint8Array): Uint8Array<ArrayBuffer>;
  /** Bytes that report a failure; undefined to break the response off. */
  failure(error: RpcError): Uint8Array<ArrayBuffer> | undefined;
  /** Bytes after the last reply. */
  readonly end?: Uint8Array<ArrayBuffer>;
}

/** Whether a client prefers Server-Sent Events to JSON (RFC 9110 §12.5.1). */
export function prefersEvents(accept: string | null): boolean {
  if (accept === null || !/text\/event-stream/i.test(accept)) return false;
  let events = 0;
  let json = 0;
  for (const range of accept.toLowerCase().split(",")) {
    const [type, ...parameters] = range.split(";").map((text) => text.trim());
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    const quality = weight === undefined ? 1 : Number(weight.slice(2)) || 0;
    if (type === "text/event-stream") events = Math.max(events, quality);
    else if (JSON_TYPE.test(type)) json = Math.max(json, quality);
  }
  return events > 0 && events >= json;
}

const JSON_TYPE = /^application\/(?:json|jsonl|x-ndjson)$/;

/**
 * Answers with a stream of replies. Rejects with the error of a stream that fails before its first reply: it can still be
 * the response. A later one is reported at the end, or breaks a body of bytes off; `faultOf` returns what is wrong with
 * the requests, which is reported instead.
 */
export async function streamResponse(
  replies: AsyncIterator<Uint8Array>,
  shape: ReplyShape,
  events: boolean,
  errors: ErrorForm,
  faultOf: () => RpcError | undefined = () => undefined,
): Promise<Response> {
  const first = await replies.next();
  const form = shape.raw !== undefined
    ? bytesForm(shape, first.done ? undefined : first.value)
    : events
    ? eventsForm(shape, errors)
    : linesForm(shape, errors);
  let next: IteratorResult<Uint8Array> | undefined = first;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = next ?? await replies.next();
        next = undefined;
        if (!done) return controller.enqueue(form.reply(value));
        if (form.end !== undefined) controller.enqueue(form.end);
        controller.close();
      } catch (error) {
        const failure = faultOf() ?? RpcError.from(error);
        const text = form.failure(failure);
        if (text === undefined) return controller.error(failure);
        controller.enqueue(text);
        controller.close();
      }
    },
    async cancel() {
      await replies.return?.();
    },
  });
  return new Response(body, { headers: form.headers });
}

function linesForm(shape: ReplyShape, errors: ErrorForm): StreamForm {
  return {
    headers: { "content-type": "application/x-ndjson" },
    reply: (reply) => framed("", replyJson(shape, reply), "\n"),
    failure: (error) => encoder.encode(`{"error":${errors.text(error)}}\n`),
  };
}

// HTML, "Server-sent events": JSON in one line needs one field. Without the last event a browser's EventSource would
// call again once the stream has ended.
function eventsForm(shape: ReplyShape, errors: ErrorForm): StreamForm {
  return {
    headers: {
      "content-type": "text/event-stream",
      "cache-control": "no-cache",
      // Keeps nginx from gathering events.
      "x-accel-buffering": "no",
    },
    reply: (reply) => framed("data: ", replyJson(shape, reply), "\n\n"),
    failure: (error) => encoder.encode(`event: error\ndata: ${errors.text(error)}\n\n`),
    end: encoder.encode("event: end\ndata: {}\n\n"),
  };
}

// The first reply has the media type (google/api/httpbody.proto).
function bytesForm(shape: ReplyShape, first: Uint8Array | undefined): StreamForm {
  const type = first === undefined ? "" : replyHttpBody(shape, first).contentType;
  return {
    headers: httpBodyHeaders(type),
    reply: (reply) => new Uint8Array(replyHttpBody(shape, reply).data),
    failure: () => undefined,
  };
}

function framed(before: string, json: Uint8Array, after: string): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(before.length + json.length + after.length);
  encoder.encodeInto(before, all);
  all.set(json, before.length);
  encoder.encodeInto(after, all.subarray(before.length + json.length));
  return all;
}
