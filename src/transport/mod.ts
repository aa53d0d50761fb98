/**
 * Byte streams over TCP, TLS, Unix sockets, vsock, hybrid vsock and memory, by address.
 *
 * @module
 */

export type { PeerInfo, TlsPeerInfo } from "../call/wire.ts";
export { TransportError } from "../errors.ts";
export type {
  Address,
  DnsAddress,
  HvsockAddress,
  ListAddress,
  MemoryAddress,
  TcpAddress,
  UnixAbstractAddress,
  UnixAddress,
  VsockAddress,
} from "./address.ts";
export { formatAddress, MAX_UNIX_PATH_BYTES, VSOCK_CID_ANY } from "./address.ts";
export { parseAddress } from "./address_parser.ts";
export { streamFrom, type StreamFromOptions, type WebStreams } from "./custom.ts";
export { dial, DIAL_TIMEOUT_MS, type DialOptions } from "./dial.ts";
export { listen, type ListenOptions } from "./listen.ts";
export { MEMORY_BUFFER_BYTES, memoryPair } from "./memory.ts";
export { resolveAddress, resolveHost, type Resolver } from "./resolve.ts";
export { startTls, type StartTlsOptions } from "./tls.ts";
export { type ServerTlsSettings, tlsListener } from "./tls_server.ts";
export { type TlsFiles, type TlsWatch, watchTls } from "./tls_watch.ts";
export type { TlsClientOptions, TlsServerOptions } from "./tls_options.ts";
export type { ChannelBinding } from "./channel_binding.ts";
export type { ByteStream, Listener } from "./types.ts";
