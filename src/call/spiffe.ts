/**
 * SPIFFE IDs (SPIFFE-ID, sections 2.1 to 2.4): `spiffe://trust-domain/path`.
 *
 * @module
 */

/** A SPIFFE ID in its parts. */
export interface SpiffeId {
  /** The whole ID. */
  readonly id: string;
  /** Trust domain, such as `example.org`. */
  readonly trustDomain: string;
}

const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/;
const SPIFFE_ID = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/[A-Za-z0-9._-]+)*)$/;
// Section 2.3: the whole ID has at most 2,048 bytes, all of which are ASCII.
const MAX_LENGTH = 2048;

/** Whether `text` can be a trust domain. */
export function isTrustDomain(text: string): boolean {
  return TRUST_DOMAIN.test(text);
}

/** Parses an ID; undefined if it is not valid. */
export function parseSpiffeId(text: string): SpiffeId | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const [, trustDomain, path] = SPIFFE_ID.exec(text) ?? [];
  if (trustDomain === undefined || /\/\.{1,2}(?:\/|$)/.test(path)) return undefined;
  return { id: text, trustDomain };
}

/**
 * Returns the SPIFFE ID of a certificate with these alternative names, each with its type before it; undefined if it has
 * none, or several URIs (X509-SVID, section 2).
 */
export function spiffeIdOf(subjectAltNames: readonly string[] | undefined): SpiffeId | undefined {
  const uris = subjectAltNames?.filter((name) => name.startsWith("URI:")) ?? [];
  return uris.length === 1 ? parseSpiffeId(uris[0].slice("URI:".length)) : undefined;
}
