/**
 * Reasons of TLS failures, in words.
 *
 * @module
 */

import { TransportError } from "../errors.ts";
import { reasonOf } from "./failure.ts";

const NO_CLOSE_NOTIFY = "the peer closed without a TLS close_notify";
const PEER_CLOSED = "the peer closed the connection";
const CLOSED = [NO_CLOSE_NOTIFY, PEER_CLOSED];

// Error codes of node:tls, and error texts of rustls (the runtime's TLS), including those for alerts of the peer.
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/CertificateRequired|CERTIFICATE_REQUIRED/, "the peer requires a client certificate"],
  [
    /alert: (UnknownCA|BadCertificate)|ALERT_(UNKNOWN_CA|BAD_CERTIFICATE)/,
    "the peer does not trust this side's certificate",
  ],
  [
    /alert: CertificateExpired|ALERT_CERTIFICATE_EXPIRED/,
    "the peer found this side's certificate expired",
  ],
  [
    /alert: CertificateUnknown|ALERT_CERTIFICATE_UNKNOWN/,
    "the peer does not accept this side's certificate",
  ],
  [/did.not.return.a.certificate|sent no certificates/i, "the peer sent no client certificate"],
  // Deno's node:tls uses this code for nearly all certificate errors.
  [
    /UNABLE_TO_VERIFY_LEAF_SIGNATURE/,
    "the peer's certificate does not verify: its issuer is unknown (see tls.ca and tls.clientCa), " +
    "or it has expired or is for another use",
  ],
  [
    /SELF_SIGNED|UNABLE_TO_GET_ISSUER|UnknownIssuer/,
    "the peer's certificate comes from an unknown issuer; pass the issuer's certificate as tls.ca (or tls.clientCa)",
  ],
  [/CERT_HAS_EXPIRED|certificate expired|: Expired/, "the peer's certificate has expired"],
  [/INVALID_PURPOSE/, "the peer's certificate is for another use (its extended key usage)"],
  [/CERT_NOT_YET_VALID|not valid yet|NotValidYet/, "the peer's certificate is not valid yet"],
  [/CERT_REVOKED|: Revoked/, "the peer's certificate was revoked"],
  [
    /NoApplicationProtocol|NO_APPLICATION_PROTOCOL|any known protocol/,
    "no application protocol (ALPN) in common",
  ],
  [
    /InvalidContentType|WRONG_VERSION_NUMBER|HTTP_REQUEST|HTTPS_PROXY_REQUEST/,
    "the peer does not speak TLS",
  ],
  [
    /Handshake_?Failure|PeerIncompatible|Protocol_?Version|UNSUPPORTED_PROTOCOL|NO_SHARED_CIPHER/i,
    "no TLS version or cipher in common",
  ],
  [/unexpected end of file|close_notify|unexpected eof/i, NO_CLOSE_NOTIFY],
  [/socket hang up|ECONNRESET|handshake eof/, PEER_CLOSED],
];

/** Describes a TLS failure in a few words, without a final period. */
export function tlsReason(error: unknown): string {
  if (!(error instanceof Error) || error instanceof TransportError) return reasonOf(error);
  const text = `${(error as { code?: unknown }).code ?? ""} ${error.message}`;
  const names = /altnames: (?:Host: |IP: )?(.*)$/.exec(error.message)?.[1] ??
    /certificate (not valid for name .*)$/.exec(error.message)?.[1];
  if (/ALTNAME_INVALID|not valid for name|NotValidForName/.test(text)) {
    return `the peer's certificate is for another host name${
      names === undefined ? "" : `: ${names}`
    }`;
  }
  const found = REASONS.find(([pattern]) => pattern.test(text))?.[1];
  return found ?? reasonOf(error);
}

/** Describes a failed handshake of a client; a server without TLS often just closes the connection. */
export function handshakeReason(error: unknown): string {
  const reason = tlsReason(error);
  return CLOSED.includes(reason) ? `${reason}; it may not speak TLS` : reason;
}

/** Reason of a close by the server right after the handshake. */
export const EARLY_END =
  "the peer closed right after the TLS handshake; it may have rejected the client certificate, or require one";
