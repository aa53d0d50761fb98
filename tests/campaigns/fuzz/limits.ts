/** Small limits for engines, which short inputs reach, and checks that they hold. */

import { MemoryPool, MemoryShare } from "../../../src/limits/memory_pool.ts";
import type { Metadata } from "../../../src/call/metadata.ts";
import type { ConnectionEngine } from "../../../src/call/wire.ts";
import { GrpcClientConnection } from "../../../src/grpc/client.ts";
import { GrpcServerConnection } from "../../../src/grpc/server.ts";
import { Http1ClientConnection } from "../../../src/http1/client_connection.ts";
import { Http1ServerConnection } from "../../../src/http1/connection.ts";
import type { LeanClientConnection } from "../../../src/lean/client.ts";
import type { LeanServerConnection } from "../../../src/lean/server.ts";
import { Random } from "../simulation/random.ts";

/** Throws unless `condition` holds. */
export function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`Broken: ${what}`);
}

// Memory of a frame beside its value: a block of fields with its length on lean, eight minimal CONTINUATION frames
// on HTTP/2; header, type, and spare capacity of the buffer.
const LEAN_FRAME_BYTES = 65_536 + 65_537 + 1_100;
const HTTP2_FRAME_BYTES = 10 * (16_384 + 9);
// Reply of one call that is queued above the limit: small gRPC messages, a status with its message.
const REPLY_BYTES = 16_384 + 8_192 + 256;

/** Limits of a connection, named as in the options of the engines. */
export class Limits {
  readonly maxReceiveMessageBytes: number;
  readonly maxAssemblyBytes: number;
  readonly maxConcurrentStreams: number;
  readonly maxHeaderListBytes: number;
  readonly maxHeaderFields: number;
  readonly sendBufferBytes: number;
  readonly maxSendBufferBytes: number;
  readonly callWindowBytes: number;
  readonly initialWindowBytes: number;
  readonly memory: MemoryPool;

  /** Chooses limits for a run, a random part of them small. */
  constructor(seed: number) {
    // A separate stream of random numbers.
    const random = new Random(seed + 2 ** 32);
    this.maxReceiveMessageBytes = random.pick([50, 700, 5_000, 100_000]);
    this.maxAssemblyBytes = random.pick([300, 5_000, 16_777_216]);
    this.maxConcurrentStreams = random.pick([2, 10, 128]);
    this.maxHeaderListBytes = random.pick([1_024, 16_384]);
    this.maxHeaderFields = random.pick([16, 128]);
    this.sendBufferBytes = random.pick([1_000, 65_536]);
    this.maxSendBufferBytes = random.pick([3_000, 16_777_216]);
    this.callWindowBytes = random.pick([1_024, 131_072]);
    this.initialWindowBytes = random.pick([500, 65_535]);
    this.memory = new MemoryPool(random.pick([600, 10_000, 67_108_864]));
  }

  /** Checks a received message. */
  checkMessage({ length }: Uint8Array): void {
    const limit = this.maxReceiveMessageBytes;
    check(length <= limit, `a message of ${length} bytes, limit is ${limit}`);
  }

  /** Checks received metadata, counted as in RFC 7541 §4.1. */
  checkMetadata(metadata: Metadata): void {
    let bytes = 0;
    for (const [key, value] of metadata) bytes += key.length + value.length + 32;
    check(bytes <= this.maxHeaderListBytes, `${bytes} bytes, limit is ${this.maxHeaderListBytes}`);
    const { size } = metadata;
    check(size <= this.maxHeaderFields, `${size} fields, limit is ${this.maxHeaderFields}`);
  }

  /** Checks what an engine holds. */
  checkHeld(engine: ConnectionEngine): void {
    const { memory, queuedBytes, assembledBytes, frameBytes } = partsOf(engine);
    const { limitBytes } = this.memory;
    const unfinished = memory.used - queuedBytes;
    check(unfinished <= limitBytes, `${unfinished} bytes of messages, limit is ${limitBytes}`);
    check(
      assembledBytes <= this.maxAssemblyBytes,
      `${assembledBytes} bytes of messages, limit is ${this.maxAssemblyBytes}`,
    );
    const queued = this.maxSendBufferBytes +
      this.maxConcurrentStreams * (REPLY_BYTES + this.maxReceiveMessageBytes);
    check(queuedBytes <= queued, `${queuedBytes} bytes are queued, limit is ${queued}`);
    // A lean peer of version 1 sends each message in one frame.
    const held = engine.bufferedBytes - queuedBytes - assembledBytes;
    const frame = frameBytes + this.maxReceiveMessageBytes;
    check(held <= frame, `${held} bytes of frames, limit is ${frame}`);
  }

  /** Checks that a finished engine holds nothing. */
  checkReturned(): void {
    const { used, holders } = this.memory;
    check(used === 0 && holders === 0, `${used} bytes of the pool are left, ${holders} holders`);
  }
}

interface Parts {
  readonly memory: MemoryShare;
  readonly queuedBytes: number;
  /** Bytes of unfinished messages that count towards a separate limit. */
  readonly assembledBytes: number;
  /** Most bytes in unfinished frames. */
  readonly frameBytes: number;
}

// A header section with its request line, trailers, and what one read leaves waiting.
const HTTP1_HELD_BYTES = 8_192 + 2 * 16_384 + (1 << 18);

function partsOf(engine: ConnectionEngine): Parts {
  if (engine instanceof Http1ServerConnection || engine instanceof Http1ClientConnection) {
    const memory = new MemoryShare(new MemoryPool());
    return { memory, queuedBytes: 0, assembledBytes: 0, frameBytes: HTTP1_HELD_BYTES };
  }
  if (engine instanceof GrpcServerConnection || engine instanceof GrpcClientConnection) {
    const { memory, sender: { queuedBytes } } = engine.http2;
    return { memory, queuedBytes, assembledBytes: 0, frameBytes: HTTP2_FRAME_BYTES };
  }
  const { memory, sending, receiving } =
    (engine as LeanClientConnection | LeanServerConnection).connection;
  return {
    memory,
    queuedBytes: sending.queuedBytes,
    assembledBytes: receiving.assemblyBytes,
    frameBytes: LEAN_FRAME_BYTES,
  };
}
