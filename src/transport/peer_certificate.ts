/**
 * Names in a peer's certificate, read from its DER. The text form of TLS libraries is ambiguous: a URI that contains
 * `, DNS:x` looks like two names.
 *
 * @module
 */

import type { GeneralName, X509Certificate } from "@peculiar/x509";

/** Subject alternative names and subject of a certificate. */
export interface CertificateNames {
  /** Names, each prefixed with its type: `DNS:`, `IP Address:`, `URI:`, `email:`, `DirName:` and others. */
  readonly subjectAltNames: readonly string[];
  /** Distinguished name of the subject, for example `CN=client, O=Example`; empty if it has none. */
  readonly subject: string;
}

/**
 * Reads the names of a certificate. With `fingerprint256`, the SHA-256 of `der`, they are remembered for the next
 * connection with the same certificate.
 */
export type CertificateReader = (der: Uint8Array, fingerprint256?: string) => CertificateNames;

/** Certificates whose names are remembered: reading one takes a millisecond, ten while the program is cold. */
export const MAX_REMEMBERED_CERTIFICATES = 1_024;
/** Size of the largest certificate whose names are remembered, in bytes. */
export const MAX_REMEMBERED_BYTES = 8_192;

/** Names by fingerprint; the certificate that was used last is last. */
const remembered = new Map<string, CertificateNames>();

function remember(fingerprint256: string, names: CertificateNames): void {
  remembered.delete(fingerprint256);
  remembered.set(fingerprint256, names);
  if (remembered.size <= MAX_REMEMBERED_CERTIFICATES) return;
  for (const oldest of remembered.keys()) {
    remembered.delete(oldest);
    return;
  }
}

/**
 * Throws an Error unless the certificate has the field `version` of X.509 versions 2 and 3 (RFC 5280 §4.1). For version 1
 * the runtime's node:tls skips the check that the peer has the certificate's key.
 */
export function refuseVersion1(der: Uint8Array): void {
  const certificate = contentAt(der, 0);
  const body = contentAt(der, certificate);
  if (der[body] === VERSION_TAG) return;
  throw new Error("the peer's certificate is of X.509 version 1; issue one of version 3");
}

// Identifier octets of the optional field [0] EXPLICIT Version.
const VERSION_TAG = 0xa0;

/** Returns where the content of the DER element at `at` begins (X.690 §8.1.3). */
function contentAt(der: Uint8Array, at: number): number {
  const length = der[at + 1];
  return at + 2 + (length > 0x80 ? length & 0x7f : 0);
}

let loading: Promise<CertificateReader> | undefined;

/** Loads the X.509 library once. That takes 100 ms, so only programs with peer certificates do it. */
export function loadCertificateReader(): Promise<CertificateReader> {
  return loading ??= import("@peculiar/x509").then(
    ({ SubjectAlternativeNameExtension, ...x509 }) => {
      const read = (der: Uint8Array): CertificateNames => {
        // The certificate is copied, because the library keeps a view of its input.
        const certificate: X509Certificate = new x509.X509Certificate(der.slice());
        const extension = certificate.getExtension(SubjectAlternativeNameExtension);
        return {
          subjectAltNames: Object.freeze(extension?.names.items.map(textOf) ?? []),
          subject: certificate.subject,
        };
      };
      return (der, fingerprint256) => {
        if (fingerprint256 === undefined || der.length > MAX_REMEMBERED_BYTES) return read(der);
        const names = remembered.get(fingerprint256) ?? read(der);
        remember(fingerprint256, names);
        return names;
      };
    },
  );
}

// Prefix of each type of alternative name (RFC 5280 §4.2.1.6), by the X.509 library's name of the type. The types that it
// calls GUID and UPN are otherNames, not DNS names.
const PREFIXES: Readonly<Record<string, string>> = {
  dns: "DNS",
  ip: "IP Address",
  url: "URI",
  email: "email",
  dn: "DirName",
  id: "Registered ID",
};

function textOf({ type, value }: GeneralName): string {
  return `${PREFIXES[type] ?? `otherName ${type}`}:${value}`;
}
