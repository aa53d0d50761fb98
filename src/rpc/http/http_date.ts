/**
 * The field `date` of responses (RFC 9110 §6.6.1), formatted once a second.
 *
 * @module
 */

let second = -1;
let fields: readonly string[] = [];

/** Returns the `date` field as name and value; calls within the same second return the same array. */
export function dateFields(): readonly string[] {
  const nowMs = Date.now();
  const nowSecond = Math.floor(nowMs / 1_000);
  if (nowSecond !== second) {
    second = nowSecond;
    fields = ["date", new Date(nowMs).toUTCString()];
  }
  return fields;
}
