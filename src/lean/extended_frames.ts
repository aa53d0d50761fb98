/**
 * Handling of extended frames that both sides have in common: admission by length, control frames, messages, credit.
 *
 * @module
 */

import { PeerEvent } from "../limits/peer_budget.ts";
import { type LeanCall, LEAST_PIECE_BYTES } from "./call.ts";
import type { LeanConnection } from "./connection.ts";
import { type FieldBlock, readFields } from "./format/fields.ts";
import {
  CONTROL,
  Control,
  FIELDS,
  HEADER_BYTES,
  readId,
  readU32,
  Reason,
} from "./format/frames.ts";

/** Bytes by which a field block with its length may exceed `maxValueBytes`. */
const FIELD_BLOCK_BYTES = 65_537;
/** Least CREDIT that is not charged as overhead, in bytes. */
const LEAST_CREDIT_BYTES = 1_024;
const GOODBYE_PREFIX_BYTES = 9;

const decoder = new TextDecoder();

/** Handles the control frames whose meaning depends on the side. */
export interface ControlHandler {
  /** Whether a PING may be answered; false when it ended the connection. */
  admitPing(): boolean;
  /** PONG with its payload as a number. */
  onPong(payload: number): void;
  /** GOODBYE. */
  onGoodbye(reason: number, lastId: number, message: string): void;
  /** CREDIT of more than 0 bytes for a call other than 0. */
  onCredit(id: number, bytes: number): void;
  /** CANCEL with a value of `valueBytes`. */
  onCancel(id: number, valueBytes: number): void;
  /** HEADERS: `bytes` bytes of `b` from `at` are a field block. */
  onHeaders(id: number, b: Uint8Array, at: number, bytes: number): void;
}

/**
 * Whether a frame above `maxValueBytes` is accepted, because a field block makes it longer; if not, ends the
 * connection.
 */
export function admitLong(
  connection: LeanConnection,
  b: Uint8Array,
  at: number,
  valueBytes: number,
): boolean {
  const limit = connection.options.maxValueBytes;
  const flags = b[at + 1];
  if ((flags & FIELDS) !== 0 && valueBytes <= limit + FIELD_BLOCK_BYTES) return true;
  // The value of HEADERS is only a field block.
  if (flags === CONTROL && valueBytes <= FIELD_BLOCK_BYTES) return true;
  connection.fail(
    Reason.TOO_LARGE,
    `Cannot accept a frame of ${valueBytes} bytes: limit is ${limit}`,
  );
  return false;
}

/** Handles a control frame, or passes it to `handler`. */
export function receiveControl(
  connection: LeanConnection,
  handler: ControlHandler,
  b: Uint8Array,
  at: number,
  typeBytes: number,
  valueBytes: number,
): void {
  const id = readId(b, at + 2);
  const kind = typeBytes === 1 ? b[at + HEADER_BYTES] : 0;
  const value = at + HEADER_BYTES + typeBytes;
  if (kind === Control.PING && valueBytes === 8) {
    if (!handler.admitPing()) return;
    if (!connection.countAnswer() || !connection.charge(PeerEvent.PING)) return;
    connection.output.writePong(b.subarray(value, value + 8));
  } else if (kind === Control.PONG && valueBytes === 8) {
    connection.lifetime.ponged();
    if (connection.charge(PeerEvent.PONG)) handler.onPong(readId(b, value));
  } else if (kind === Control.GOODBYE && valueBytes >= GOODBYE_PREFIX_BYTES) {
    const text = b.subarray(value + GOODBYE_PREFIX_BYTES, value + valueBytes);
    if (!connection.charge(PeerEvent.GOAWAY)) return;
    handler.onGoodbye(b[value], readId(b, value + 1), decoder.decode(text));
  } else if (kind === Control.CREDIT && valueBytes === 4 && id !== 0) {
    receiveCredit(connection, handler, id, readU32(b, value));
  } else if (kind === Control.CANCEL) {
    handler.onCancel(id, valueBytes);
  } else if (kind === Control.HEADERS) {
    handler.onHeaders(id, b, value, valueBytes);
  } else {
    connection.illegal(
      `Cannot accept a control frame of kind ${kind} with ${valueBytes} bytes for call ${id}`,
    );
  }
}

function receiveCredit(
  connection: LeanConnection,
  handler: ControlHandler,
  id: number,
  bytes: number,
): void {
  if (bytes === 0) connection.illegal(`Cannot accept a credit of 0 bytes for call ${id}`);
  else if (bytes >= LEAST_CREDIT_BYTES || connection.charge(PeerEvent.SMALL_CREDIT)) {
    handler.onCredit(id, bytes);
  }
}

/** Adds credit for a call's sending; ends the connection when its window exceeds 2³¹−1. */
export function addCredit(connection: LeanConnection, call: LeanCall, bytes: number): void {
  const { sending } = connection;
  sending.progressMs = connection.nowMs;
  if (call.credit(bytes)) return sending.blocked.notifyWritable();
  connection.fail(
    Reason.FLOW_CONTROL,
    `Cannot accept ${bytes} bytes of credit for call ${call.id}: its window is limited to 2147483647`,
  );
}

/** Checks the length of a piece and charges small ones; false when that ended the connection. */
export function admitPiece(connection: LeanConnection, id: number, bytes: number): boolean {
  if (bytes === 0) {
    connection.illegal(`Cannot accept an empty piece of a message of call ${id}`);
    return false;
  }
  return bytes >= LEAST_PIECE_BYTES || connection.charge(PeerEvent.SMALL_PIECE);
}

/**
 * Passes a message, or a piece of one, to its call. Returns why the call must fail, if it must; a fault that concerns
 * the connection ends it.
 */
export function receiveMessage(
  connection: LeanConnection,
  call: LeanCall,
  b: Uint8Array,
  at: number,
  bytes: number,
  flags: number,
  owned: boolean,
): string | undefined {
  // Empty messages use no credit, so credit cannot limit them while the reader is paused.
  if (bytes === 0 && call.paused && !connection.charge(PeerEvent.UNREAD_EMPTY_MESSAGE)) {
    return undefined;
  }
  switch (call.accept(b, at, bytes, flags, owned)) {
    case "large":
      return `Cannot accept a message of call ${call.id}: limit is ${call.maxMessageBytes} bytes`;
    case "full":
      return `Cannot accept a message of call ${call.id}: the memory for messages is used up`;
    case "flow":
      connection.fail(Reason.FLOW_CONTROL, `Call ${call.id} got ${bytes} bytes above its credit`);
      break;
    case "mixed":
      connection.illegal(`The pieces of a message of call ${call.id} disagree on compression`);
  }
  return undefined;
}

/** Whether a frame that ends a stream without a message is legal; otherwise ends the connection. */
export function admitEnd(connection: LeanConnection, call: LeanCall, bytes: number): boolean {
  if (bytes === 0 && !call.midMessage) return true;
  connection.illegal(
    `Cannot accept the end of call ${call.id} inside a message or with ${bytes} bytes of value`,
  );
  return false;
}

/** Whether a frame other than a request has no type; otherwise ends the connection. */
export function admitUntyped(connection: LeanConnection, id: number, typeBytes: number): boolean {
  if (typeBytes === 0) return true;
  connection.illegal(`Cannot accept a frame of call ${id} with a route: only requests have one`);
  return false;
}

/**
 * Decodes a field block within the connection's limits. Returns why the call must fail, as a text, when it exceeds
 * them; undefined when the block is malformed, which ends the connection.
 */
export function receiveFields(
  connection: LeanConnection,
  b: Uint8Array,
  at: number,
  bytes: number,
): FieldBlock | string | undefined {
  const { maxHeaderListBytes, maxHeaderFields } = connection.options;
  const read = readFields(b, at, bytes, maxHeaderListBytes, maxHeaderFields);
  if (!("failure" in read)) return read;
  if (read.failure === "too_large") return read.message;
  connection.illegal(read.message);
  return undefined;
}
