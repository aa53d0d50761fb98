/**
 * Streams of node:tls, on a byte stream or on a TCP socket of its own.
 *
 * @module
 */

import type tls from "node:tls";
import type { PeerInfo, TlsPeerInfo } from "../call/wire.ts";
import { TransportError } from "../errors.ts";
import type { ChannelBinding } from "./channel_binding.ts";
import { DuplexStream } from "./duplex_stream.ts";
import { keepCertificate } from "./kept_certificate.ts";
import type { CertificateReader } from "./peer_certificate.ts";
import { tlsReason } from "./tls_reason.ts";
import type { ByteStream } from "./types.ts";

/** Options of all TLS sockets. */
export const COMMON = { allowHalfOpen: true, minVersion: "TLSv1.2" } as const;

/** Stream that carries the records of a TLS socket. */
export interface Carrier {
  readonly peer: PeerInfo;
  readonly localAddress: string;
  /** Error of the carrier, which node:tls replaces by one of its own. */
  readonly failure: unknown;
  /** Pauses or resumes reads: node:tls continues to read while its socket is paused. */
  hold(held: boolean): void;
  /** Closes the carrier at once. */
  close(): void;
  /** Lets the process exit while the carrier is open. */
  unref(): void;
  /** Resolves once the carrier was closed and is released. */
  released(): Promise<void>;
}

/** Describes a failed handshake with `address`. */
export function handshakeError(
  address: string,
  error: unknown,
  reason = tlsReason,
): TransportError {
  return new TransportError(`TLS handshake with ${address} failed: ${reason(error)}`, {
    address,
    cause: error,
  });
}

/** Peer's certificate, undefined if it sent none, and the reader of its names. */
export interface Identity {
  readonly certificate: Partial<tls.PeerCertificate> | null | undefined;
  readonly reader: CertificateReader;
}

/** What a stream has beside its socket. */
export interface StreamFacts {
  readonly identity?: Identity;
  /** Error text for a close by the peer before the first byte. */
  readonly earlyEnd?: string;
  readonly channelBinding: () => ChannelBinding | undefined;
}

/** Returns the byte stream of a TLS socket whose handshake is complete. */
export function secureStream(
  carrier: Carrier,
  socket: tls.TLSSocket,
  { identity, earlyEnd, channelBinding }: StreamFacts,
): ByteStream {
  const { peer } = carrier;
  return new DuplexStream(socket, {
    peer: {
      ...peer,
      transport: peer.transport === "tcp" ? "tls" : peer.transport,
      tls: peerInfo(socket, identity),
    },
    localAddress: carrier.localAddress,
    reason: tlsReason,
    earlyEnd,
    channelBinding,
    hold: (held) => carrier.hold(held),
    released: () => carrier.released(),
    unref: () => carrier.unref(),
  });
}

/** Returns TLS information on the peer. */
function peerInfo(socket: tls.TLSSocket, identity: Identity | undefined): TlsPeerInfo {
  const info = factsOf(socket, identity);
  if (info.authorized) keepCertificate(info, identity!.certificate!.raw!);
  return info;
}

function factsOf(socket: tls.TLSSocket, identity: Identity | undefined): TlsPeerInfo {
  const alpn = socket.alpnProtocol || undefined;
  const certificate = identity?.certificate;
  if (!certificate?.raw || certificate.fingerprint256 === undefined) {
    return { alpn, authorized: false };
  }
  const fingerprint256 = certificate.fingerprint256.replaceAll(":", "").toLowerCase();
  const name = certificate.subject?.CN as string | string[] | undefined;
  try {
    const { subject, subjectAltNames } = identity!.reader(certificate.raw, fingerprint256);
    const commonName = Array.isArray(name) ? name[0] : name;
    return {
      alpn,
      authorized: socket.authorized,
      subject: commonName || subject || undefined,
      subjectAltNames,
      fingerprint256,
    };
  } catch {
    // A certificate that OpenSSL accepts but the reader doesn't must not identify the peer.
    return { alpn, authorized: false, fingerprint256 };
  }
}
