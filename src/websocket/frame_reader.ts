/**
 * Decoder of a client's frames (RFC 6455 §5). Payloads are passed on as they arrive, whatever their frames and messages:
 * only a control frame is kept until it is complete, in 125 bytes.
 *
 * @module
 */

import { CloseCode, isCloseCode } from "./close_codes.ts";
import { MAX_CONTROL_BYTES, Opcode } from "./frame_writer.ts";

/** Longest message, in bytes, however it is cut into frames. */
export const MAX_MESSAGE_BYTES = 16_777_216;

/** Receives the events of a {@link FrameReader}. */
export interface FrameSink {
  /** Receives a part of a binary message, valid only during the call. */
  onData(bytes: Uint8Array): void;
  /** Called with a frame that begins a message or continues it; `length` is that of its payload. */
  onDataFrame(length: number): void;
  /** Receives the payload of a Ping, valid only during the call. */
  onPing(payload: Uint8Array): void;
  /** Called for each Pong. */
  onPong(): void;
  /** Called at most once, with the code of a Close frame; undefined if it has none. No events follow. */
  onClose(code: number | undefined): void;
  /** Called at most once, when the peer breaks the protocol. No events follow. */
  onViolation(code: number, reason: string): void;
}

const FIN = 0x80;
const RESERVED = 0x70;
const MASKED = 0x80;
const MASK_BYTES = 4;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Reads the frames of one client. */
export class FrameReader {
  readonly #sink: FrameSink;
  /** Two bytes, up to eight of the length, four of the mask. */
  readonly #header = new Uint8Array(14);
  #headerBytes = 0;
  #headerNeeded = 2;
  #payload = false;
  #left = 0;
  #opcode = 0;
  #maskStart = 0;
  #maskAt = 0;
  #control: Uint8Array | null = null;
  #controlBytes = 0;
  /** Whether a binary message lacks its last fragment. */
  #inMessage = false;
  #messageBytes = 0;
  #stopped = false;

  /** Creates a reader that reports to `sink`. */
  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Whether a frame or a message is incomplete. */
  get midMessage(): boolean {
    return this.#headerBytes > 0 || this.#inMessage;
  }

  /** Drops all further input. */
  stop(): void {
    this.#stopped = true;
  }

  /** Reads `bytes`, in which it unmasks payloads. */
  receive(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && !this.#stopped) {
      if (this.#payload) at = this.#readPayload(bytes, at);
      else this.#readHeader(bytes[at++]);
    }
  }

  #readHeader(octet: number): void {
    this.#header[this.#headerBytes++] = octet;
    if (this.#headerBytes === 2) this.#checkStart();
    else if (this.#headerBytes === this.#headerNeeded) this.#startPayload();
  }

  #checkStart(): void {
    const [first, second] = this.#header;
    const opcode = first & 0x0f;
    const final = (first & FIN) !== 0;
    const length = second & 0x7f;
    if ((first & RESERVED) !== 0) return this.#illegal("Reserved bits are set");
    if ((second & MASKED) === 0) return this.#illegal("A frame of a client is not masked");
    if (opcode >= Opcode.CLOSE) {
      if (opcode > Opcode.PONG) return this.#illegal(`Opcode ${opcode} is reserved`);
      if (!final) return this.#illegal("A control frame is fragmented");
      if (length > MAX_CONTROL_BYTES) return this.#illegal("A control frame is too long");
    } else {
      const problem = this.#checkData(opcode);
      if (problem !== undefined) return this.#illegal(problem);
      if (opcode === Opcode.TEXT) {
        return this.#violation(CloseCode.UNSUPPORTED_DATA, "Messages must be binary");
      }
      this.#inMessage = !final;
    }
    this.#opcode = opcode;
    const lengthBytes = length === 126 ? 2 : length === 127 ? 8 : 0;
    this.#headerNeeded = 2 + lengthBytes + MASK_BYTES;
  }

  #checkData(opcode: number): string | undefined {
    if (opcode > Opcode.BINARY) return `Opcode ${opcode} is reserved`;
    if (opcode === Opcode.CONTINUATION) {
      return this.#inMessage ? undefined : "A continuation has no message before it";
    }
    return this.#inMessage ? "A message begins inside another one" : undefined;
  }

  #startPayload(): void {
    this.#maskStart = this.#headerNeeded - MASK_BYTES;
    this.#maskAt = 0;
    const length = this.#length();
    if (length < 0) return this.#illegal("The length is not in its shortest form");
    if (this.#opcode >= Opcode.CLOSE) {
      this.#control ??= new Uint8Array(MAX_CONTROL_BYTES);
      this.#controlBytes = 0;
    } else {
      if (this.#opcode !== Opcode.CONTINUATION) this.#messageBytes = 0;
      this.#messageBytes += length;
      if (this.#messageBytes > MAX_MESSAGE_BYTES) {
        const text = `A message has more than ${MAX_MESSAGE_BYTES} bytes`;
        return this.#violation(CloseCode.TOO_BIG, text);
      }
      this.#sink.onDataFrame(length);
      if (this.#stopped) return;
    }
    this.#left = length;
    this.#payload = true;
    if (length === 0) this.#endFrame();
  }

  /** Length of the payload; -1 if it is not in its shortest form (RFC 6455 §5.2). */
  #length(): number {
    const header = this.#header;
    const short = header[1] & 0x7f;
    if (short < 126) return short;
    let length = 0;
    for (let i = 2; i < this.#maskStart; i++) length = length * 256 + header[i];
    if (short === 126) return length < 126 ? -1 : length;
    return length <= 0xffff || header[2] > 0x7f ? -1 : length;
  }

  #readPayload(bytes: Uint8Array, start: number): number {
    const end = Math.min(bytes.length, start + this.#left);
    const header = this.#header;
    const maskStart = this.#maskStart;
    let maskAt = this.#maskAt;
    for (let i = start; i < end; i++) {
      bytes[i] ^= header[maskStart + maskAt];
      maskAt = maskAt + 1 & 3;
    }
    this.#maskAt = maskAt;
    this.#left -= end - start;
    const part = bytes.subarray(start, end);
    if (this.#opcode < Opcode.CLOSE) {
      this.#sink.onData(part);
    } else {
      this.#control!.set(part, this.#controlBytes);
      this.#controlBytes += part.length;
    }
    if (this.#left === 0 && !this.#stopped) this.#endFrame();
    return end;
  }

  #endFrame(): void {
    this.#payload = false;
    this.#headerBytes = 0;
    this.#headerNeeded = 2;
    if (this.#opcode < Opcode.CLOSE) return;
    const payload = this.#control!.subarray(0, this.#controlBytes);
    if (this.#opcode === Opcode.PING) this.#sink.onPing(payload);
    else if (this.#opcode === Opcode.PONG) this.#sink.onPong();
    else this.#close(payload);
  }

  #close(payload: Uint8Array): void {
    if (payload.length === 0) {
      this.#stopped = true;
      return this.#sink.onClose(undefined);
    }
    const code = payload[0] << 8 | payload[1];
    if (payload.length === 1 || !isCloseCode(code)) {
      return this.#illegal("A Close frame has no valid code");
    }
    try {
      utf8.decode(payload.subarray(2));
    } catch {
      return this.#violation(CloseCode.INVALID_PAYLOAD, "The reason of a Close frame is not UTF-8");
    }
    this.#stopped = true;
    this.#sink.onClose(code);
  }

  #illegal(reason: string): void {
    this.#violation(CloseCode.PROTOCOL_ERROR, reason);
  }

  #violation(code: number, reason: string): void {
    this.#stopped = true;
    this.#sink.onViolation(code, reason);
  }
}
