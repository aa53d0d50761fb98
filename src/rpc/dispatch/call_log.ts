/**
 * One log line per call, with an id that all log lines of its handler carry.
 *
 * @module
 */

import { getLogger, type Logger, type LogLevel, withContext } from "@logtape/logtape";
import { Status, statusName } from "../../call/status.ts";
import { RpcError } from "../../errors.ts";
import { principalOf } from "./authorize.ts";
import { onReplyEnd } from "../core/reply_completion.ts";
import type { HandlerContext, InterceptedReply, Interceptor } from "../core/types.ts";

/**
 * Options of {@link logCalls}.
 *
 * @category Logs
 */
export interface LogCallsOptions {
  /** Level of the lines of calls that end with OK. Default `info`. */
  level?: LogLevel;
  /** Metadata key of a call id chosen by the caller; null to ignore the caller's. Default `x-request-id`. */
  idKey?: string | null;
}

const CALL_ID = Symbol("vrpc.callId");

/** Ids accepted from callers: no characters that could forge a log line. */
const VALID_ID = /^[\w.:/+=-]{1,64}$/;

/** Statuses that point to a fault of the server; logged at level `error`. */
const FAULTS: ReadonlySet<Status> = new Set([
  Status.UNKNOWN,
  Status.INTERNAL,
  Status.DATA_LOSS,
]);

/**
 * Creates a server interceptor that logs each call at its end, in the category `["vrpc", "calls"]`, with the properties
 * `call` (its id), `method`, `peer`, `wire`, `principal` (see {@link principalOf}), `status` and `ms`. Metadata,
 * messages and error texts are never logged. Log lines of handlers carry `call` too if LogTape is configured with a
 * `contextLocalStorage`. The id is the caller's `x-request-id` if valid, else a random UUID.
 *
 * ```ts
 * import { logCalls, serve } from "@vrpc/vrpc";
 *
 * await using server = await serve("127.0.0.1:50051", () => {}, { interceptors: [logCalls()] });
 * ```
 *
 * @category Logs
 */
export function logCalls(options: LogCallsOptions = {}): Interceptor {
  const { level = "info", idKey = "x-request-id" } = options;
  const logger = getLogger(["vrpc", "calls"]);
  return (next) => (call) => {
    const context = call.context;
    if (context === undefined) {
      throw new TypeError("Cannot use logCalls on a client: it logs received calls");
    }
    const given = idKey === null ? undefined : context.metadata.get(idKey);
    const id = given !== undefined && VALID_ID.test(given) ? given : crypto.randomUUID();
    context.values.set(CALL_ID, id);
    const line = new CallLine(logger, level, id, context);
    return withContext({ call: id }, async () => {
      let reply: InterceptedReply;
      try {
        reply = await next(call);
      } catch (error) {
        line.write(error);
        throw error;
      }
      return onReplyEnd(
        reply,
        (error) => line.write(error),
        (body) => withContext({ call: id }, body),
      );
    });
  };
}

/**
 * Returns the id that {@link logCalls} gave to a call; undefined without it.
 *
 * @category Logs
 */
export function callIdOf(context: HandlerContext): string | undefined {
  return context.values.get(CALL_ID) as string | undefined;
}

class CallLine {
  readonly #startMs = performance.now();
  #written = false;

  constructor(
    readonly logger: Logger,
    readonly level: LogLevel,
    readonly id: string,
    readonly context: HandlerContext,
  ) {}

  /** Writes the line on the first call. */
  write(error?: unknown): void {
    if (this.#written) return;
    this.#written = true;
    const { method, peer, wire } = this.context;
    const code = error === undefined ? Status.OK : RpcError.from(error).code;
    this.logger[FAULTS.has(code) ? "error" : this.level](
      "{method} from {peer}: {status} after {ms} ms (call {call})",
      {
        call: this.id,
        method: method.path,
        peer: peer.address,
        wire,
        principal: principalOf(this.context),
        status: statusName(code),
        ms: Math.round((performance.now() - this.#startMs) * 1000) / 1000,
      },
    );
  }
}
