import assert from "node:assert/strict";
import { handshakeReason, tlsReason } from "../../src/transport/tls_reason.ts";

const coded = (code: string, message = "x") => Object.assign(new Error(message), { code });

Deno.test("tlsReason() describes errors of node:tls and rustls alike", () => {
  for (const error of [coded("CERT_HAS_EXPIRED"), new Error("invalid peer certificate: Expired")]) {
    assert.equal(tlsReason(error), "the peer's certificate has expired");
  }
  for (
    const error of [
      coded("SELF_SIGNED_CERT_IN_CHAIN"),
      new Error("invalid peer certificate: UnknownIssuer"),
    ]
  ) assert.match(tlsReason(error), /unknown issuer; pass the issuer's certificate as tls\.ca/);
  assert.equal(
    tlsReason(new Error("received fatal alert: CertificateRequired")),
    "the peer requires a client certificate",
  );
});

Deno.test("tlsReason() shows the names of a certificate for another host", () => {
  const message = "Host: a.example. is not in the cert's altnames: Host: b.example";
  assert.equal(
    tlsReason(coded("ERR_TLS_CERT_ALTNAME_INVALID", message)),
    "the peer's certificate is for another host name: b.example",
  );
});

Deno.test("handshakeReason() adds to a bare close that the peer may not speak TLS", () => {
  assert.equal(
    handshakeReason(new Error("socket hang up")),
    "the peer closed the connection; it may not speak TLS",
  );
  assert.equal(
    handshakeReason(new Error("peer closed connection without sending TLS close_notify")),
    "the peer closed without a TLS close_notify; it may not speak TLS",
  );
  assert.equal(
    tlsReason(coded("INVALID_PURPOSE")),
    "the peer's certificate is for another use (its extended key usage)",
  );
  assert.equal(handshakeReason(coded("CERT_REVOKED")), "the peer's certificate was revoked");
});

Deno.test("tlsReason() knows OpenSSL's codes for peers without TLS, or with another version of it", () => {
  const reasons = {
    "the peer does not speak TLS": ["HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "WRONG_VERSION_NUMBER"],
    "no TLS version or cipher in common": [
      "NO_SHARED_CIPHER",
      "UNSUPPORTED_PROTOCOL",
      "TLSV1_ALERT_PROTOCOL_VERSION",
      "SSLV3_ALERT_HANDSHAKE_FAILURE",
    ],
    "the peer does not accept this side's certificate": ["SSLV3_ALERT_CERTIFICATE_UNKNOWN"],
  };
  for (const [reason, codes] of Object.entries(reasons)) {
    for (const code of codes) assert.equal(tlsReason(coded(`ERR_SSL_${code}`)), reason);
  }
});
