/**
 * The field `date` of responses (RFC 9110 §6.6.1), formatted once a second.
 *
 * @module
 */

let second = -1;
let fields: readonly string[] = [];

/** Name and value of the field; the same array within a second. */
export function dateFields(): readonly string[] {
  const nowMs = Date.now();
  const nowSecond = Math.floor(nowMs / 1_000);
  if (nowSecond !== second) {
    second = nowSecond;
    fields = ["date", new Date(nowMs).toUTCString()];
  }
  return fields;
}
