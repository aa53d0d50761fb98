/**
 * The server under test, and what its handlers saw.
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import {
  type HandlerContext,
  packDetail,
  type Router,
  RpcError,
  type Status,
} from "../../../mod.ts";
import type { EchoStatus } from "../../../proto/gen/grpc/testing/testing_pb.ts";
import { ErrorInfoSchema } from "../../../src/services/descriptors/errdetails.ts";
import { until } from "../../fixtures/waiting.ts";
import { BrowserService, INITIAL, TRAILING, WAIT_FOR_END, WAIT_FOR_RELEASE } from "./methods.ts";

/** Call that its caller or its deadline has ended. */
export interface EndedCall {
  /** Code of the handler's signal. */
  readonly code: string;
  /** Time that the caller allowed, as far as it was left when the handler began to wait, in ms. */
  readonly timeLeftMs: number;
}

/** Handlers of {@link BrowserService}. */
export class BrowserHandlers {
  /** Calls that were ended by the caller or the deadline. */
  readonly ended: EndedCall[] = [];
  /** Calls that reached a handler. */
  calls = 0;
  #release: (() => void)[] = [];

  /** Adds the service. */
  add(router: Router): void {
    router.service(BrowserService, {
      emptyCall: () => {
        this.#release.shift()?.();
        return {};
      },
      unaryCall: async (request, context) => {
        this.#enter(context);
        failIfAsked(request.responseStatus);
        if (request.responseSize === WAIT_FOR_END) await this.#end(context);
        return { payload: { body: request.payload?.body } };
      },
      streamingInputCall: async (requests, context) => {
        this.#enter(context);
        let aggregatedPayloadSize = 0;
        for await (const { payload } of requests) {
          aggregatedPayloadSize += payload?.body.length ?? 0;
        }
        return { aggregatedPayloadSize };
      },
      streamingOutputCall: (request, context) => {
        this.#enter(context);
        return this.#replies(request.responseParameters, request.responseStatus, context);
      },
      fullDuplexCall: (requests, context) => {
        this.#enter(context);
        return this.#duplex(requests, context);
      },
    });
  }

  /**
   * Resolves to the next call that is ended by its caller or its deadline. Over HTTP/1.1 Chromium sometimes waits 5 s for
   * the rest of a response that was given up before it closes the connection.
   */
  async nextEnded(): Promise<EndedCall> {
    await until(() => this.ended.length > 0);
    return this.ended.shift()!;
  }

  #enter({ metadata, responseHeaders, responseTrailers }: HandlerContext): void {
    this.calls++;
    const initial = metadata.get(INITIAL);
    if (initial !== undefined) responseHeaders.set(INITIAL, initial);
    const trailing = metadata.get(TRAILING);
    if (trailing !== undefined) responseTrailers.set(TRAILING, trailing);
  }

  /** Waits until the call has ended. */
  async #end(context: HandlerContext): Promise<void> {
    const { signal } = context;
    const timeLeftMs = context.timeRemainingMs();
    if (!signal.aborted) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    }
    this.ended.push({ code: (signal.reason as RpcError).codeName, timeLeftMs });
  }

  async *#replies(
    wanted: readonly { size: number; intervalUs: number }[],
    status: EchoStatus | undefined,
    context: HandlerContext,
  ) {
    for (const { size, intervalUs } of wanted) {
      if (intervalUs === WAIT_FOR_RELEASE) {
        await new Promise<void>((resolve) => this.#release.push(resolve));
      }
      if (size === WAIT_FOR_END) return await this.#end(context);
      yield { payload: { body: new Uint8Array(size) } };
    }
    failIfAsked(status);
  }

  async *#duplex(
    requests: AsyncIterable<
      {
        responseParameters: { size: number; intervalUs: number }[];
        responseStatus?: EchoStatus;
      }
    >,
    context: HandlerContext,
  ) {
    try {
      for await (const { responseParameters, responseStatus } of requests) {
        yield* this.#replies(responseParameters, responseStatus, context);
      }
    } catch (error) {
      if (context.signal.aborted) await this.#end(context);
      throw error;
    }
  }
}

function failIfAsked(status: EchoStatus | undefined): void {
  if (status === undefined || status.code === 0) return;
  const info = create(ErrorInfoSchema, { reason: "ASKED", domain: "browser.test" });
  throw new RpcError(status.code as Status, status.message, {
    details: [packDetail(ErrorInfoSchema, info)],
  });
}
