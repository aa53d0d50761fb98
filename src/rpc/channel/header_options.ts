/**
 * Checks of options that become header fields of calls.
 *
 * @module
 */

// Authority of RFC 3986 §3.2 without user information, which HTTP/2 does not carry (RFC 9113 §8.3.1).
const AUTHORITY = /^(?:\[[\w.:%~-]+\]|[\w.~%!$&'()*+,;=-]+)(?::\d{1,5})?$/;
const FIELD_TEXT = /^(?! )[\x20-\x7e]*(?<! )$/;

/** Throws TypeError for an `:authority` that is not a host with or without a port. */
export function checkAuthority(authority: string | undefined): void {
  if (authority === undefined || AUTHORITY.test(authority)) return;
  throw new TypeError(
    `Cannot use authority ${JSON.stringify(authority)}: it must be a host or host:port`,
  );
}

/** Throws TypeError for a `user-agent` that is not printable ASCII. */
export function checkUserAgent(userAgent: string | undefined): void {
  if (userAgent === undefined || FIELD_TEXT.test(userAgent)) return;
  throw new TypeError(
    `Cannot use userAgent ${
      JSON.stringify(userAgent)
    }: it must be printable ASCII without space at its ends`,
  );
}
