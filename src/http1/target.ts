/**
 * Request targets and hosts (RFC 9112 §3.2).
 *
 * @module
 */

// Octets that no URL contains are refused, except ^ ` { | }, which browsers send unescaped in queries.
const ORIGIN_FORM = /^\/[!$-;=?-[\]^-~]*$/;
const ABSOLUTE_FORM = /^https?:\/\/([^/?]+)([/?][!$-;=?-[\]^-~]*)?$/i;
// Host and port of RFC 3986 §3.2.2 and §3.2.3; the address inside brackets is not validated.
const HOST = /^(?:\[[0-9a-f:.]+\]|[a-z0-9!$&'()*+,;=._~%-]+)(?::[0-9]{0,5})?$/i;

/** Whether `target` has a form that `method` may have; CONNECT and its authority-form are not supported. */
export function isTarget(method: string, target: string): boolean {
  if (target.charCodeAt(0) === 47) return ORIGIN_FORM.test(target);
  if (target === "*") return method === "OPTIONS";
  const absolute = ABSOLUTE_FORM.exec(target);
  return absolute !== null && isHost(absolute[1]);
}

/** Whether `text` is a host with an optional port, without user information (RFC 9110 §7.2). */
export function isHost(text: string): boolean {
  if (!HOST.test(text)) return false;
  const port = /:([0-9]{5})$/.exec(text)?.[1];
  return port === undefined || Number(port) <= 65_535;
}

/** The authority of a target in absolute form, otherwise undefined. The target must have passed {@link isTarget}. */
export function authorityOf(target: string): string | undefined {
  return target.charCodeAt(0) === 47 ? undefined : ABSOLUTE_FORM.exec(target)?.[1];
}
