/**
 * Ids of calls, for logs.
 *
 * @module
 */

import type { HandlerContext } from "../core/types.ts";

const CALL_ID = Symbol("vrpc.callId");

/** Ids accepted from callers: no characters that could forge a log line. */
const VALID_ID = /^[\w.:/+=-]{1,64}$/;

/** Metadata key of a call id chosen by the caller. */
export const ID_KEY = "x-request-id";

/**
 * Returns the id of a call and gives it one if it has none: the caller's, from the metadata key `idKey`, if it is
 * valid, else a random UUID. With `idKey` null the caller's is ignored.
 */
export function assignCallId(context: HandlerContext, idKey: string | null = ID_KEY): string {
  const known = callIdOf(context);
  if (known !== undefined) return known;
  const given = idKey === null ? undefined : context.metadata.get(idKey);
  const id = given !== undefined && VALID_ID.test(given) ? given : crypto.randomUUID();
  context.values.set(CALL_ID, id);
  return id;
}

/**
 * Returns the id that {@link logCalls} gave to a call; undefined without it.
 *
 * @category Logs
 */
export function callIdOf(context: HandlerContext): string | undefined {
  return context.values.get(CALL_ID) as string | undefined;
}
