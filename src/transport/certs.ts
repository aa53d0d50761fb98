/**
 * Certificates for development and tests: self-signed ones, and an authority that issues server and client
 * certificates. Not for production: keys are plain PEM.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import * as x509 from "@peculiar/x509";
import { ipFamily } from "./address.ts";

/** Certificate chain and its key in PEM, for {@link TlsServerOptions} and {@link TlsClientOptions}. */
export interface CertifiedKey {
  /** The certificate in PEM. */
  cert: string;
  /** The private key in PEM (PKCS#8). */
  key: string;
  /** SHA-256 of the certificate, lower-case hex. */
  fingerprint256: string;
}

/** Content of a certificate. */
export interface CertificateRequest {
  /** Common name of the subject. Default: the first of `names`, else `vrpc`. */
  commonName?: string;
  /** Subject alternative names: DNS names and IP addresses. Default `localhost`, `127.0.0.1` and `::1`. */
  names?: readonly string[];
  /** URIs among the subject's alternative names, such as the SPIFFE ID `spiffe://example.org/orders`. Default none. */
  uris?: readonly string[];
  /** Validity in days from yesterday; negative for an expired certificate. Default 30. */
  days?: number;
}

/** Development certificate authority. */
export interface CertificateAuthority {
  /** The authority's certificate in PEM, which the other side trusts (`ca`, `clientCa`). */
  cert: string;
  /** Issues a certificate for servers. */
  issueServer(request?: CertificateRequest): Promise<CertifiedKey>;
  /** Issues a certificate for clients. Default of `names`: none. */
  issueClient(request?: CertificateRequest): Promise<CertifiedKey>;
  /** Issues a certificate for processes that are both, as those of a mesh are. Default of `names`: as for servers. */
  issuePeer(request?: CertificateRequest): Promise<CertifiedKey>;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;
const DEFAULT_NAMES = ["localhost", "127.0.0.1", "::1"];

/** Creates a self-signed server certificate (ECDSA P-256). Clients trust it if `cert` is their `ca`. */
export async function selfSigned(request: CertificateRequest = {}): Promise<CertifiedKey> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...commonParts(request, request.names ?? DEFAULT_NAMES),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: leafExtensions(
      { names: request.names ?? DEFAULT_NAMES, uris: request.uris },
      [x509.ExtendedKeyUsage.serverAuth],
    ),
  });
  return await certifiedKey(certificate, keys);
}

/** Creates an authority (ECDSA P-256) that issues server and client certificates. */
export async function createAuthority(
  request: Pick<CertificateRequest, "commonName" | "days"> = {},
): Promise<CertificateAuthority> {
  const keys = await generateKeys();
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    ...commonParts(
      { ...request, commonName: request.commonName ?? "vrpc development authority" },
      [],
    ),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const issue = async (
    leaf: CertificateRequest,
    names: readonly string[],
    ...usages: x509.ExtendedKeyUsage[]
  ) => {
    const leafKeys = await generateKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      ...commonParts(leaf, names),
      subject: subjectOf(leaf, names),
      issuer: authority.subject,
      publicKey: leafKeys.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        ...leafExtensions({ names, uris: leaf.uris }, usages),
        await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return await certifiedKey(certificate, leafKeys);
  };
  return {
    cert: authority.toString("pem"),
    issueServer: (leaf = {}) =>
      issue(leaf, leaf.names ?? DEFAULT_NAMES, x509.ExtendedKeyUsage.serverAuth),
    issueClient: (leaf = {}) => issue(leaf, leaf.names ?? [], x509.ExtendedKeyUsage.clientAuth),
    issuePeer: (leaf = {}) =>
      issue(
        leaf,
        leaf.names ?? DEFAULT_NAMES,
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ),
  };
}

function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

function subjectOf(request: CertificateRequest, names: readonly string[]): string {
  // RFC 4514 §2.4: these characters must be escaped.
  const name = (request.commonName ?? names[0] ?? "vrpc").replace(/[\\",+;<>=#]/g, "\\$&");
  return `CN=${name}`;
}

function commonParts(request: CertificateRequest, names: readonly string[]) {
  const days = request.days ?? 30;
  const start = Date.now() - DAY_MS + Math.min(days, 0) * DAY_MS;
  return {
    name: subjectOf(request, names),
    serialNumber: serialNumber(),
    notBefore: new Date(start),
    notAfter: new Date(start + Math.max(Math.abs(days), 1 / 24) * DAY_MS),
  };
}

/** RFC 5280 §4.1.2.2: positive, unique per issuer, at most 20 octets. */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = bytes[0] & 0x7f | 0x40;
  return Buffer.from(bytes).toString("hex");
}

function leafExtensions(
  { names, uris = [] }: { names: readonly string[]; uris?: readonly string[] },
  usages: x509.ExtendedKeyUsage[],
): x509.Extension[] {
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension(usages),
  ];
  const alternatives = [
    ...names.map((value) => ({
      type: ipFamily(value) === 0 ? "dns" as const : "ip" as const,
      value,
    })),
    ...uris.map((value) => ({ type: "url" as const, value })),
  ];
  if (alternatives.length > 0) {
    extensions.push(new x509.SubjectAlternativeNameExtension(alternatives));
  }
  return extensions;
}

async function certifiedKey(
  certificate: x509.X509Certificate,
  keys: CryptoKeyPair,
): Promise<CertifiedKey> {
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    cert: certificate.toString("pem"),
    key: x509.PemConverter.encode(key, "PRIVATE KEY"),
    fingerprint256: Buffer.from(await certificate.getThumbprint("SHA-256")).toString("hex"),
  };
}
