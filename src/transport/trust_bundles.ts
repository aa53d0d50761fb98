/**
 * Trust bundles by SPIFFE trust domain: a certificate is verified by the authorities of its own domain alone.
 *
 * @module
 */

import type { X509Certificate } from "node:crypto";
import type { DetailedPeerCertificate } from "node:tls";
import { builtinModule } from "../bytes/builtin_module.ts";
import { isTrustDomain, spiffeIdOf } from "../call/spiffe.ts";
import { loadCertificateReader } from "./peer_certificate.ts";
import { certificatesOf, checkAuthorities } from "./tls_options.ts";

/** Links of a chain that are followed. */
const MAX_CHAIN = 8;

/** Authorities in PEM by their trust domain. */
export type TrustBundlesOption = Readonly<Record<string, string>>;

/** Throws a TypeError for names that are no trust domains, and authorities that can't be read. */
export function checkTrustBundles(bundles: TrustBundlesOption): void {
  if (Object.keys(bundles).length === 0) {
    throw new TypeError("tls.trustBundles has no trust domain");
  }
  for (const [domain, pem] of Object.entries(bundles)) {
    if (!isTrustDomain(domain)) {
      throw new TypeError(
        `tls.trustBundles has ${
          JSON.stringify(domain)
        }: must be a trust domain, such as example.org`,
      );
    }
    checkAuthorities(`tls.trustBundles["${domain}"]`, pem);
  }
}

/** Verifies that certificates come from the authorities of their trust domain. */
export class TrustBundles {
  readonly #roots: ReadonlyMap<string, readonly X509Certificate[]>;

  /** Throws a TypeError for bundles that are not valid. */
  constructor(bundles: TrustBundlesOption) {
    checkTrustBundles(bundles);
    this.#roots = new Map(
      Object.entries(bundles).map(([domain, pem]) => [domain, certificatesOf(pem)]),
    );
  }

  /**
   * Returns the SPIFFE ID of a certificate that TLS has verified by one of all authorities. Rejects with an Error if it has
   * none, if its trust domain has no bundle, or if another domain's authorities issued it.
   */
  async check(peer: DetailedPeerCertificate): Promise<string> {
    if (peer?.raw === undefined) throw new Error("the peer sent no certificate");
    const reader = await loadCertificateReader();
    const spiffe = spiffeIdOf(reader(peer.raw).subjectAltNames);
    if (spiffe === undefined) throw new Error("the peer's certificate has no SPIFFE ID");
    const roots = this.#roots.get(spiffe.trustDomain);
    if (roots === undefined) {
      throw new Error(`there is no trust bundle for the peer's domain ${spiffe.trustDomain}`);
    }
    if (!leadsTo(peer, roots)) {
      throw new Error(`the authorities of ${spiffe.trustDomain} did not issue ${spiffe.id}`);
    }
    return spiffe.id;
  }
}

/**
 * Whether signatures lead from a certificate to one of `roots`. The links of node:tls compare names alone, so the peer
 * could choose them.
 */
function leadsTo(peer: DetailedPeerCertificate, roots: readonly X509Certificate[]): boolean {
  const { X509Certificate } = builtinModule("node:crypto");
  let link: DetailedPeerCertificate | undefined = peer;
  let certificate = new X509Certificate(peer.raw);
  for (let i = 0; i < MAX_CHAIN; i++) {
    if (roots.some((root) => root.ca && isIssuedBy(certificate, root))) return true;
    const issuer: DetailedPeerCertificate | undefined = link?.issuerCertificate;
    if (issuer?.raw === undefined || issuer === link) return false;
    const next = new X509Certificate(issuer.raw);
    if (!next.ca || !isIssuedBy(certificate, next)) return false;
    link = issuer;
    certificate = next;
  }
  return false;
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.issuer === issuer.subject && certificate.verify(issuer.publicKey);
}
