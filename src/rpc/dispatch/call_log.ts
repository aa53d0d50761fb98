/**
 * One log line per call, with an id that all log lines of its handler carry.
 *
 * @module
 */

import { getConfig, getLogger, type Logger, type LogLevel, withContext } from "@logtape/logtape";
import { Status, statusName } from "../../call/status.ts";
import { principalOf } from "./authorize.ts";
import { assignCallId, ID_KEY } from "./call_id.ts";
import { onCallEnd } from "../core/call_end.ts";
import { onReplyEnd } from "../core/reply_completion.ts";
import type { HandlerContext, Interceptor } from "../core/types.ts";

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
  const { level = "info", idKey = ID_KEY } = options;
  const logger = getLogger(["vrpc", "calls"]);
  return (next) => (call) => {
    const context = call.context;
    if (context === undefined) {
      throw new TypeError("Cannot use logCalls on a client: it logs received calls");
    }
    const id = assignCallId(context, idKey);
    const line = new CallLine(logger, level, id, context);
    onCallEnd(context, (code) => line.write(code));
    // Without a storage LogTape would warn on each call.
    if (!getConfig()?.contextLocalStorage) return next(call);
    return withContext(
      { call: id },
      async () => onReplyEnd(await next(call), () => {}, (body) => withContext({ call: id }, body)),
    );
  };
}

class CallLine {
  readonly #startMs = performance.now();

  constructor(
    readonly logger: Logger,
    readonly level: LogLevel,
    readonly id: string,
    readonly context: HandlerContext,
  ) {}

  /** Writes the line of a call that ended with `code`. */
  write(code: Status): void {
    const { method, peer, wire } = this.context;
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
