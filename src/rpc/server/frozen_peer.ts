/**
 * Facts about the peer of a connection that no handler can change for the other calls.
 *
 * @module
 */

import type { PeerInfo } from "../../call/wire.ts";

/** Returns a frozen copy of what a byte stream says of its peer. */
export function frozenPeer(peer: PeerInfo): PeerInfo {
  if (peer.tls === undefined) return Object.freeze({ ...peer });
  const { subjectAltNames } = peer.tls;
  const tls = subjectAltNames === undefined
    ? { ...peer.tls }
    : { ...peer.tls, subjectAltNames: Object.freeze([...subjectAltNames]) };
  return Object.freeze({ ...peer, tls: Object.freeze(tls) });
}
