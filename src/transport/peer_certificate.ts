/**
 * Names in a peer's certificate, read from its DER. The text that TLS libraries print is made for people: a URI with
 * `, DNS:x` in it reads like two names there.
 *
 * @module
 */

import type { GeneralName, X509Certificate } from "@peculiar/x509";

/** Subject alternative names and subject of a certificate. */
export interface CertificateNames {
  /** One entry a name, with its type in front: `DNS:`, `IP Address:`, `URI:`, `email:`, `DirName:` and others. */
  readonly subjectAltNames: readonly string[];
  /** The subject's distinguished name, for example `CN=client, O=Example`; empty when the subject is. */
  readonly subject: string;
}

/** Reads certificates; the result of {@link loadCertificateReader}. */
export type CertificateReader = (der: Uint8Array) => CertificateNames;

let loading: Promise<CertificateReader> | undefined;

/** Loads the X.509 library, once: 100 ms that programs without certificates of peers don't spend. */
export function loadCertificateReader(): Promise<CertificateReader> {
  return loading ??= import("@peculiar/x509").then(
    ({ SubjectAlternativeNameExtension, ...x509 }) => {
      return (der) => {
        // A copy: the library keeps a view.
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

// RFC 5280 §4.2.1.6. What the library knows as GUID and UPN are otherNames, which are no DNS names.
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
