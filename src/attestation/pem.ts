/**
 * Certificates as text (RFC 7468).
 *
 * @module
 */

const CERTIFICATES = /-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/g;

/** Returns the DER of the one certificate in a text; throws TypeError for any other text. */
export function derOfPem(text: string): Uint8Array<ArrayBuffer> {
  const blocks = [...text.matchAll(CERTIFICATES)];
  if (blocks.length !== 1) {
    throw new TypeError(`it has ${blocks.length} PEM certificates, must be one`);
  }
  try {
    return Uint8Array.from(atob(blocks[0][1].replace(/\s/g, "")), (char) => char.charCodeAt(0));
  } catch {
    throw new TypeError("its PEM is not base64");
  }
}
