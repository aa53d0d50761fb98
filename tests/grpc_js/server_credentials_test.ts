import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import process from "node:process";
import tls from "node:tls";
import * as x509 from "@peculiar/x509";
import * as grpc from "../../src/grpc_js/mod.ts";
import { selfSigned } from "../../src/transport/certs.ts";
import { bind } from "./fixtures.ts";

const pem = (label: string, der: ArrayBuffer) =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString("base64")}\n-----END ${label}-----\n`;

async function rsaPair(): Promise<grpc.KeyCertPair> {
  const signingAlgorithm = {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: 2048,
  };
  const keys = await crypto.subtle.generateKey(signingAlgorithm, true, ["sign", "verify"]);
  const made = { name: "CN=rsa", keys, signingAlgorithm };
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(made);
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    private_key: Buffer.from(pem("PRIVATE KEY", key)),
    cert_chain: Buffer.from(certificate.toString("pem")),
  };
}

async function ecPair(): Promise<grpc.KeyCertPair> {
  const { cert, key } = await selfSigned({ commonName: "ec" });
  return { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) };
}

/** Returns the common name of the certificate that a server presents. */
async function presented(port: number, options: tls.ConnectionOptions = {}): Promise<string> {
  const target = { host: "127.0.0.1", port, rejectUnauthorized: false, ALPNProtocols: ["h2"] };
  const socket = tls.connect({ ...target, ...options });
  await once(socket, "secureConnect");
  const name = socket.getPeerCertificate().subject.CN;
  socket.destroy();
  return String(name);
}

Deno.test("of several key pairs, each handshake uses one whose type the client supports", async () => {
  const pairs = [await rsaPair(), await ecPair()];
  const server = new grpc.Server();
  const port = await bind(server, "127.0.0.1:0", grpc.ServerCredentials.createSsl(null, pairs));
  try {
    if (process.versions.deno !== undefined) return assert.equal(await presented(port), "rsa");
    assert.equal(await presented(port), "ec");
    const rsaAlone = { maxVersion: "TLSv1.2", ciphers: "ECDHE-RSA-AES128-GCM-SHA256" } as const;
    assert.equal(await presented(port, rsaAlone), "rsa");
  } finally {
    server.forceShutdown();
  }
});

Deno.test("each of several keys must be that of its certificate", async () => {
  const [rsa, ec, other] = [await rsaPair(), await ecPair(), await ecPair()];
  const wrong = { private_key: other.private_key, cert_chain: ec.cert_chain };
  const credentials = grpc.ServerCredentials.createSsl(null, [rsa, wrong]);
  await assert.rejects(bind(new grpc.Server(), "127.0.0.1:0", credentials), /does not match/);
});
