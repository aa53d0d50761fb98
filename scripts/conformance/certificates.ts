/**
 * Temporary certificate authority, with a server certificate for 127.0.0.1 and localhost.
 *
 * @module
 */

import {
  BasicConstraintsExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { join } from "node:path";
import { CACHE } from "./tools.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** Paths of PEM files. */
export interface Certificates {
  ca: string;
  cert: string;
  key: string;
}

let made: Promise<Certificates> | undefined;

/** Creates the certificates, once per run: server and client need the same authority. */
export function makeCertificates(): Promise<Certificates> {
  return made ??= makeIn(join(CACHE, "certificates"));
}

async function makeIn(folder: string): Promise<Certificates> {
  await Deno.mkdir(folder, { recursive: true });
  const dates = {
    notBefore: new Date(Date.now() - 3600_000),
    notAfter: new Date(Date.now() + 30 * 24 * 3600_000),
  };
  const authorityKeys = await newKeys();
  const authority = await X509CertificateGenerator.createSelfSigned({
    name: "CN=conformance authority",
    keys: authorityKeys,
    signingAlgorithm: ALGORITHM,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
    ...dates,
  });
  const keys = await newKeys();
  const leaf = await X509CertificateGenerator.create({
    subject: "CN=localhost",
    issuer: authority.subject,
    publicKey: keys.publicKey,
    signingKey: authorityKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new SubjectAlternativeNameExtension([
        { type: "dns", value: "localhost" },
        { type: "ip", value: "127.0.0.1" },
      ]),
    ],
    ...dates,
  });
  const files = {
    ca: join(folder, "ca.pem"),
    cert: join(folder, "server.pem"),
    key: join(folder, "server.key"),
  };
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  await Deno.writeTextFile(files.ca, authority.toString("pem"));
  await Deno.writeTextFile(files.cert, leaf.toString("pem"));
  await Deno.writeTextFile(files.key, PemConverter.encode(pkcs8, "PRIVATE KEY"));
  return files;
}

async function newKeys(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]) as CryptoKeyPair;
}
