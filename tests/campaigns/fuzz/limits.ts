/** Small limits for the engines, so that short inputs reach them, and what must hold under them. */

import { MemoryPool, type MemoryShare } from "../../../src/limits/memory_pool.ts";
import type { Metadata } from "../../../src/call/metadata.ts";
import type { ConnectionEngine } from "../../../src/call/wire.ts";
import { GrpcClientConnection } from "../../../src/grpc/client.ts";
import { GrpcServerConnection } from "../../../src/grpc/server.ts";
import type { LeanClientConnection } from "../../../src/lean/client.ts";
import type { LeanServerConnection } from "../../../src/lean/server.ts";
import { Random } from "../simulation/random.ts";

/** Fails the input unless `condition` holds. */
export function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`Broken: ${what}`);
}

// What a frame may hold beside its value: a block of fields with its length on lean, eight CONTINUATION frames
// of the least size on HTTP/2; and the header, a type, and what a buffer has to spare.
const LEAN_FRAME_BYTES = 65_536 + 65_537 + 1_100;
const HTTP2_FRAME_BYTES = 10 * (16_384 + 9);
// A reply of one call that is queued whatever is queued already: gRPC's small ones, a status with its text.
const REPLY_BYTES = 16_384 + 8_192 + 256;

/** What one connection of either wire may take. The names are those of the engines' options. */
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

  /** Limits of a run: a part of them small, another part each time. */
  constructor(seed: number) {
    // Another stream of numbers than the rest of the run draws from.
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

  /** A message as its receiver got it. */
  checkMessage({ length }: Uint8Array): void {
    const limit = this.maxReceiveMessageBytes;
    check(length <= limit, `a message of ${length} bytes, limit is ${limit}`);
  }

  /** Metadata that came, counted as RFC 7541 section 4.1 does. */
  checkMetadata(metadata: Metadata): void {
    let bytes = 0;
    for (const [key, value] of metadata) bytes += key.length + value.length + 32;
    check(bytes <= this.maxHeaderListBytes, `${bytes} bytes, limit is ${this.maxHeaderListBytes}`);
    const { size } = metadata;
    check(size <= this.maxHeaderFields, `${size} fields, limit is ${this.maxHeaderFields}`);
  }

  /** What an engine holds now. */
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
    // A lean peer of version 1 sends a message as one frame.
    const held = engine.bufferedBytes - queuedBytes - assembledBytes;
    const frame = frameBytes + this.maxReceiveMessageBytes;
    check(held <= frame, `${held} bytes of frames, limit is ${frame}`);
  }

  /** The engine is over. */
  checkReturned(): void {
    const { used, holders } = this.memory;
    check(used === 0 && holders === 0, `${used} bytes of the pool are left, ${holders} holders`);
  }
}

interface Parts {
  readonly memory: MemoryShare;
  readonly queuedBytes: number;
  /** Bytes of unfinished messages that count against a limit of their own. */
  readonly assembledBytes: number;
  /** The most that unfinished frames may hold. */
  readonly frameBytes: number;
}

function partsOf(engine: ConnectionEngine): Parts {
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
