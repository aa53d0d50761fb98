/**
 * Calls of any kind, with text in and out.
 *
 * @module
 */

import type { CallOptions, Channel } from "../../mod.ts";
import { errorLine, UsageError } from "../shared/program.ts";
import type { FoundMethod } from "./lookup.ts";
import { manyMessages, messageText, oneMessage } from "./text.ts";

/** Call to make. */
export interface CallPlan {
  readonly channel: Channel;
  readonly method: FoundMethod;
  /** Argument `DATA` of the command line. */
  readonly data: string | undefined;
  /** Whether to print bytes unchanged. */
  readonly raw: boolean;
  readonly options: CallOptions;
}

/** Calls the method and prints replies as they arrive. */
export async function callMethod(plan: CallPlan): Promise<void> {
  const { channel, method, data, options } = plan;
  const text = messageText(method, plan.raw);
  const bound = channel.method<unknown, unknown>(text.info);
  let mistake: unknown;
  const messages = async function* () {
    let line = 0;
    for await (const given of manyMessages(data)) {
      line++;
      try {
        yield text.parse(given);
      } catch (error) {
        // The status of the call would only be CANCELLED.
        mistake = new UsageError(`Cannot send message ${line}: ${errorLine(error)}`);
        throw mistake;
      }
    }
  };
  const print = (message: unknown) => write(text.print(message));
  try {
    switch (method.kind) {
      case "unary":
        await print(await bound.unary(text.parse(await oneMessage(data)), options));
        break;
      case "client_streaming":
        await print(await bound.clientStreaming(messages(), options));
        break;
      case "server_streaming":
        for await (
          const message of bound.serverStreaming(text.parse(await oneMessage(data)), options)
        ) await print(message);
        break;
      case "bidi_streaming":
        for await (const message of bound.bidiStreaming(messages(), options)) await print(message);
    }
  } catch (error) {
    throw mistake ?? error;
  }
}

async function write(bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}
