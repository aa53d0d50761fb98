/**
 * Calls of any kind, with text in and out.
 *
 * @module
 */

import type { CallOptions, Channel, MethodKind } from "../../mod.ts";
import { errorLine, UsageError } from "../shared/program.ts";
import type { FoundMethod } from "./lookup.ts";
import { Silence } from "./silence.ts";
import type { Trace } from "./trace.ts";
import { messageText, type PrintOptions, type RequestSource } from "./text.ts";

/** Call to make. */
export interface CallPlan {
  readonly channel: Channel;
  readonly method: FoundMethod;
  readonly requests: RequestSource;
  readonly print: PrintOptions;
  readonly options: CallOptions;
  /** Takes each printed reply. Default: standard output. */
  write?(bytes: Uint8Array): Promise<void> | void;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
  /** Records the call. */
  readonly trace?: Trace;
  /** Longest wait for the server to take a message, and to reply; Infinity for no limit. */
  readonly silenceMs: number;
}

/** Calls the method and prints replies as they arrive. */
export async function callMethod(plan: CallPlan): Promise<void> {
  const { channel, method, requests, write = toStdout } = plan;
  const silence = new Silence(plan.silenceMs);
  const options = optionsOf(plan, silence);
  const text = messageText(method, plan.print);
  const bound = channel.method<unknown, unknown>(text.info);
  let mistake: unknown;
  const messages = async function* () {
    let line = 0;
    for await (const given of requests.many(method.types !== undefined)) {
      line++;
      try {
        const message = text.parse(given);
        silence.begin();
        yield message;
        silence.pause();
      } catch (error) {
        // The status of the call would only be CANCELLED.
        mistake = new UsageError(`Cannot send message ${line}: ${errorLine(error)}`);
        throw mistake;
      }
    }
    silence.begin();
  };
  const only = async () => {
    const given = await requests.one();
    silence.begin();
    return text.parse(given);
  };
  const print = (message: unknown) => {
    silence.end();
    return write(text.print(message));
  };
  try {
    switch (method.kind) {
      case "unary":
        await print(await bound.unary(await only(), options));
        break;
      case "client_streaming":
        await print(await bound.clientStreaming(messages(), options));
        break;
      case "server_streaming":
        for await (const message of bound.serverStreaming(await only(), options)) {
          await print(message);
        }
        break;
      case "bidi_streaming":
        for await (const message of bound.bidiStreaming(messages(), options)) await print(message);
    }
  } catch (error) {
    throw mistake ?? error;
  } finally {
    silence.end();
  }
}

function optionsOf({ options, method, trace, signal }: CallPlan, silence: Silence): CallOptions {
  const limited: CallOptions = {
    ...options,
    signal: signal === undefined ? silence.signal : AbortSignal.any([silence.signal, signal]),
    // The headers of a single reply are not yet the reply.
    onHeaders: () => serverStreams(method.kind) && silence.end(),
  };
  return trace?.watching(limited) ?? limited;
}

function serverStreams(kind: MethodKind): boolean {
  return kind === "server_streaming" || kind === "bidi_streaming";
}

async function toStdout(bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}
