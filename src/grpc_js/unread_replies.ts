/**
 * Replies of a call that wait until they are asked for.
 *
 * @module
 */

import { decompress } from "../codec/compression.ts";
import { RpcError } from "../errors.ts";
import { type MemoryPool, MemoryShare, WAITING_MESSAGE_BYTES } from "../limits/memory_pool.ts";
import { MessageQueue, type Watermarks } from "../rpc/core/message_queue.ts";
import { Status } from "./constants.ts";

const WATERMARKS: Watermarks = {
  pauseBytes: 65_536,
  pauseCount: 1_024,
  resumeBytes: 32_768,
  resumeCount: 512,
};

/** Received message. */
export class Reply {
  constructor(readonly bytes: Uint8Array, readonly compressed: boolean) {}

  get length(): number {
    return this.bytes.length;
  }
}

/** Queue of replies, which count in the memory of the channel until the call has ended. */
export class UnreadReplies {
  readonly #queue = new MessageQueue<Reply>(WATERMARKS);
  readonly #memory: MemoryShare;
  #counts = true;

  /** Counts replies in `memory`. */
  constructor(memory: MemoryPool) {
    this.#memory = new MemoryShare(memory);
  }

  /** Number of replies. */
  get length(): number {
    return this.#queue.length;
  }

  /** Whether one more reply may be added: all calls together may fill the memory. */
  hasRoomFor(reply: Reply): boolean {
    const { pool } = this.#memory;
    return pool.used + reply.length + WAITING_MESSAGE_BYTES <= pool.limitBytes;
  }

  /** Adds a reply. Returns true when reading must pause from now on. */
  push(reply: Reply): boolean {
    this.#memory.take(reply.length + WAITING_MESSAGE_BYTES);
    return this.#queue.push(reply);
  }

  /** Removes and returns the oldest reply; undefined if there is none. */
  take(): Reply | undefined {
    const reply = this.#queue.take();
    if (reply !== undefined && this.#counts) {
      this.#memory.give(reply.length + WAITING_MESSAGE_BYTES);
    }
    return reply;
  }

  /** Returns true once reading was paused and may resume. */
  resumes(): boolean {
    return this.#queue.resumes();
  }

  /** Stops counting: the peer can add no more replies, and the application may never read those that wait. */
  release(): void {
    this.#counts = false;
    this.#memory.give(this.#memory.used);
  }

  /** Drops all replies. */
  clear(): void {
    this.#queue.clear();
  }
}

/** Returns the text of the status of a call whose reply has no room. */
export function noRoomText({ length }: Reply): string {
  return `Cannot keep a message of ${length} bytes until it is read: ` +
    "grpc-node.max_session_memory is used up";
}

/** Decompresses a reply. Throws RpcError, with the text of grpc-js for one that exceeds `maxBytes`. */
export function decompressed(bytes: Uint8Array, encoding: string, maxBytes: number): Uint8Array {
  try {
    return decompress(bytes, encoding, maxBytes);
  } catch (error) {
    const failure = RpcError.from(error);
    if (failure.code !== Status.RESOURCE_EXHAUSTED) throw failure;
    const text = `Received message that decompresses to a size larger than ${maxBytes}`;
    throw new RpcError(failure.code, text);
  }
}
