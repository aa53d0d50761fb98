/**
 * Responses whose media type the service chooses (google.api.HttpBody).
 *
 * @module
 */

// RFC 9110 §8.3.1, with parameters; only characters that a field value may have.
const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:\s*;[\x20-\x7e]*)?$/;

/**
 * Returns the header fields of a body of the service. A page or an image of the service must not act as a page of the
 * gateway: `sandbox` gives it an origin of its own without scripts, `nosniff` keeps the type from being guessed.
 */
export function httpBodyHeaders(contentType: string): Record<string, string> {
  const usable = contentType.length <= 200 && MEDIA_TYPE.test(contentType);
  return {
    "content-type": usable ? contentType : "application/octet-stream",
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
  };
}
