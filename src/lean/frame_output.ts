/**
 * Encodes outgoing frames into the connection's output, and notifies the driver.
 *
 * @module
 */

import { ByteWriter } from "../bytes/writer.ts";
import { textBytes } from "./format/errors.ts";
import {
  Control,
  ERROR,
  idHigh,
  type Reason,
  RESPONSE,
  writeControl,
  writeHeader,
  writeU64,
} from "./format/frames.ts";
import type { LivenessTimers } from "./liveness.ts";

const NOTHING = () => {};
const EMPTY_BLOCK = Uint8Array.of(0, 0);

/** Output of one connection. */
export class FrameOutput {
  /** Encoded frames that the driver has not yet taken. */
  readonly out = new ByteWriter();
  /** Called when output is produced while {@link busy} is false; set by the driver. */
  onOutput: () => void = NOTHING;
  /** True while the engine handles input or a timer, after which the driver sends `out` without being notified. */
  busy = false;
  /** Frames in `out` that answer control frames of the peer. */
  unsentAnswers = 0;
  readonly #liveness: LivenessTimers;

  /** Creates an empty output; `liveness` limits how long bytes stay in the output. */
  constructor(liveness: LivenessTimers) {
    this.#liveness = liveness;
  }

  /** Notifies the driver of output, unless the engine is {@link busy}. */
  produced(): void {
    if (this.busy) return;
    this.watch();
    this.onOutput();
  }

  /** Starts the stall timer when there is output. */
  watch(): void {
    if (this.out.length > 0) this.#liveness.watchOutput();
  }

  /** Writes one frame; its value is `fields` followed by `count` bytes of `bytes` from `from`. */
  writeFrame(
    flags: number,
    id: number,
    fields: Uint8Array | undefined,
    bytes: Uint8Array,
    from: number,
    count: number,
  ): void {
    const out = this.out;
    const ahead = fields === undefined ? 0 : fields.length;
    writeHeader(out, flags, idHigh(id), id >>> 0, 0, ahead + count);
    if (fields !== undefined) out.bytes(fields);
    if (count === 0) return;
    out.buffer.set(count === bytes.length ? bytes : bytes.subarray(from, from + count), out.length);
    out.length += count;
  }

  /** Writes an error frame, whose `value` is an `errorValue`. */
  writeError(id: number, value: Uint8Array): void {
    this.writeFrame(RESPONSE | ERROR, id, undefined, value, 0, value.length);
  }

  /** Writes a HEADERS frame; without `fields`, its field block is empty. */
  writeHeaders(id: number, fields: Uint8Array | undefined): void {
    const bytes = fields ?? EMPTY_BLOCK;
    writeControl(this.out, Control.HEADERS, id, bytes.length);
    this.out.bytes(bytes);
  }

  /** Writes CREDIT: the peer may send `bytes` more message bytes for a call. */
  writeCredit(id: number, bytes: number): void {
    writeControl(this.out, Control.CREDIT, id, 4);
    this.out.u32(bytes);
  }

  /** Writes CANCEL. */
  writeCancel(id: number): void {
    writeControl(this.out, Control.CANCEL, id, 0);
  }

  /** Writes PING with a number as payload. */
  writePing(payload: number): void {
    writeControl(this.out, Control.PING, 0, 8);
    writeU64(this.out, payload);
  }

  /** Writes PONG with the eight bytes of the PING. */
  writePong(payload: Uint8Array): void {
    writeControl(this.out, Control.PONG, 0, 8);
    this.out.bytes(payload);
  }

  /** Writes GOODBYE; `lastId` is the highest call id of the peer that was processed. */
  writeGoodbye(reason: Reason, lastId: number, message: string): void {
    const text = textBytes(message);
    writeControl(this.out, Control.GOODBYE, 0, 9 + text.length);
    this.out.u8(reason);
    writeU64(this.out, lastId);
    this.out.bytes(text);
  }
}
