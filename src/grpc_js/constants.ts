/**
 * Enumerations with the names and numbers of grpc-js. Each maps in both directions, as programs look up names by code.
 *
 * @module
 */

/** Status codes of gRPC. */
export enum Status {
  /** Success. */
  OK = 0,
  /** Cancelled, usually by the caller. */
  CANCELLED = 1,
  /** An error without a better code. */
  UNKNOWN = 2,
  /** The arguments are invalid, whatever the state of the system. */
  INVALID_ARGUMENT = 3,
  /** The deadline passed before the call was complete. */
  DEADLINE_EXCEEDED = 4,
  /** A requested entity was not found. */
  NOT_FOUND = 5,
  /** An entity to be created already exists. */
  ALREADY_EXISTS = 6,
  /** The caller is authenticated but not permitted to do this. */
  PERMISSION_DENIED = 7,
  /** A quota, a queue or a size limit is exhausted. */
  RESOURCE_EXHAUSTED = 8,
  /** The system is not in the state that the call requires. */
  FAILED_PRECONDITION = 9,
  /** Aborted, typically by a concurrency conflict. */
  ABORTED = 10,
  /** Past the valid range. */
  OUT_OF_RANGE = 11,
  /** The method does not exist or is not supported. */
  UNIMPLEMENTED = 12,
  /** An invariant is broken, or the peer broke the protocol. */
  INTERNAL = 13,
  /** The service is unreachable at the moment. */
  UNAVAILABLE = 14,
  /** Unrecoverable loss or corruption of data. */
  DATA_LOSS = 15,
  /** The caller is not authenticated. */
  UNAUTHENTICATED = 16,
}

/** Severities of log messages, for `setLogVerbosity`. */
export enum LogVerbosity {
  /** Everything. */
  DEBUG = 0,
  /** Information and errors. */
  INFO = 1,
  /** Errors only. Default. */
  ERROR = 2,
  /** Nothing. */
  NONE = 3,
}

/** What a call inherits from its parent, as bits of `propagate_flags`. */
export enum Propagate {
  /** The parent's deadline. */
  DEADLINE = 1,
  /** No effect. */
  CENSUS_STATS_CONTEXT = 2,
  /** No effect. */
  CENSUS_TRACING_CONTEXT = 4,
  /** The parent's cancellation. */
  CANCELLATION = 8,
  /** All of them. */
  DEFAULTS = 0xffff,
}

/** Connectivity states of a channel (gRPC, doc/connectivity-semantics-and-api.md). */
export enum ConnectivityState {
  /** Not connected, and no call wants a connection. */
  IDLE = 0,
  /** Connecting for the first time, or after a lost connection. */
  CONNECTING = 1,
  /** A connection takes calls. */
  READY = 2,
  /** The last attempt failed; the next one follows after a wait. */
  TRANSIENT_FAILURE = 3,
  /** Closed. */
  SHUTDOWN = 4,
}

/** Compressions, for `grpc.default_compression_algorithm`. */
export enum CompressionAlgorithms {
  /** None. */
  identity = 0,
  /** zlib (RFC 1950). */
  deflate = 1,
  /** gzip (RFC 1952). */
  gzip = 2,
}

/** Bits of the flags of a message. */
export enum WriteFlags {
  /** No effect. */
  BufferHint = 1,
  /** Sends the message uncompressed. */
  NoCompress = 2,
  /** No effect. */
  WriteThrough = 4,
}
