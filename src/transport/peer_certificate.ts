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

/** Reads the names of a certificate. */
export type CertificateReader = (der: Uint8Array) => CertificateNames;

let loading: Promise<CertificateReader> | undefined;

/** Loads the X.509 library once. That takes 100 ms, so only programs with peer certificates do it. */
export function loadCertificateReader(): Promise<CertificateReader> {
  return loading ??= import("@peculiar/x509").then(
    ({ SubjectAlternativeNameExtension, ...x509 }) => {
      return (der) => {
        // The certificate is copied, because the library keeps a view of its input.
        const certificate: X509Certificate = new x509.X509Certificate(der.slice());
        const extension = certificate.getExtension(SubjectAlternativeNameExtension);
        return {
          subjectAltNames: extension?.names.items.map(textOf) ?? [],
          subject: certificate.subject,
        };
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
