/**
 * Handling of extended frames that both sides have in common: admission by length, control frames, messages, credit.
 *
 * @module
 */

import { PeerEvent } from "../limits/peer_budget.ts";
import { type LeanCall, LEAST_PIECE_BYTES } from "./call.ts";
import type { LeanConnection } from "./connection.ts";
import { type FieldBlock, type FieldFault, readFields } from "./format/fields.ts";
import {
  CONTROL,
  Control,
  FIELDS,
  HEADER_BYTES,
  readId,
  readU32,
  Reason,
} from "./format/frames.ts";

/** Bytes by which a field block with its 2-byte length may make a frame's value longer than `maxValueBytes`. */
const FIELD_BLOCK_BYTES = 65_537;
/** Smallest CREDIT that is not charged as overhead, in bytes. */
const LEAST_CREDIT_BYTES = 1_024;
const GOODBYE_PREFIX_BYTES = 9;
const PING_BYTES = 8;

/** Valid id and value length of one kind of control frame. */
interface ControlRule {
  readonly name: string;
  /** Whether the frame's id must be that of a call; if false, it must be 0. */
  readonly ofCall: boolean;
  /** Minimum length of the frame's value, in bytes. */
  readonly least: number;
  /** Maximum length of the frame's value, in bytes. */
  readonly most: number;
}

const CONTROL_RULES: Readonly<Record<number, ControlRule>> = {
  [Control.CANCEL]: { name: "CANCEL", ofCall: true, least: 0, most: 0 },
  [Control.CREDIT]: { name: "CREDIT", ofCall: true, least: 4, most: 4 },
  [Control.PING]: { name: "PING", ofCall: false, least: PING_BYTES, most: PING_BYTES },
  [Control.PONG]: { name: "PONG", ofCall: false, least: PING_BYTES, most: PING_BYTES },
  [Control.GOODBYE]: {
    name: "GOODBYE",
    ofCall: false,
    least: GOODBYE_PREFIX_BYTES,
    most: Infinity,
  },
  [Control.HEADERS]: { name: "HEADERS", ofCall: true, least: 0, most: Infinity },
};

const decoder = new TextDecoder();

/** Handles the control frames whose meaning depends on the side. */
export interface ControlHandler {
  /** Whether a PING may be answered; when pings are too frequent, ends the connection and returns false. */
  admitPing(): boolean;
  /** Handles PONG, with its payload as a number. */
  onPong(payload: number): void;
  /** Handles GOODBYE. */
  onGoodbye(reason: number, lastId: number, message: string): void;
  /** Handles CREDIT of more than 0 bytes for a call. */
  onCredit(id: number, bytes: number): void;
  /** Handles CANCEL. */
  onCancel(id: number): void;
  /** Handles HEADERS: `bytes` bytes of `b` from `at` are a field block. */
  onHeaders(id: number, b: Uint8Array, at: number, bytes: number): void;
}

/**
 * Whether a frame with a value longer than `maxValueBytes` is accepted, which only a field block allows; otherwise ends
 * the connection.
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
  // The whole value of a HEADERS frame is a field block.
  if (flags === CONTROL && valueBytes <= FIELD_BLOCK_BYTES) return true;
  connection.fail(
    Reason.TOO_LARGE,
    `Cannot accept a frame of ${valueBytes} bytes: limit is ${limit}`,
  );
  return false;
}

/**
 * Handles a control frame, or passes it to `handler`. A frame of unknown kind is charged and ignored, so that later
 * versions can add kinds.
 */
export function receiveControl(
  connection: LeanConnection,
  handler: ControlHandler,
  b: Uint8Array,
  at: number,
  typeBytes: number,
  valueBytes: number,
): void {
  if (typeBytes !== 1) {
    return connection.illegal(
      `Cannot accept a control frame with a type of ${typeBytes} bytes: must be 1`,
    );
  }
  const id = readId(b, at + 2);
  const kind = b[at + HEADER_BYTES];
  const value = at + HEADER_BYTES + 1;
  const fault = controlFault(kind, id, valueBytes);
  if (fault !== undefined) return connection.illegal(fault);
  switch (kind) {
    case Control.PING:
      if (!handler.admitPing()) return;
      if (!connection.countAnswer() || !connection.charge(PeerEvent.PING)) return;
      return connection.output.writePong(b.subarray(value, value + PING_BYTES));
    case Control.PONG:
      connection.lifetime.ponged();
      if (connection.charge(PeerEvent.PONG)) handler.onPong(readId(b, value));
      return;
    case Control.GOODBYE: {
      const text = b.subarray(value + GOODBYE_PREFIX_BYTES, value + valueBytes);
      if (!connection.charge(PeerEvent.GOAWAY)) return;
      return handler.onGoodbye(b[value], readId(b, value + 1), decoder.decode(text));
    }
    case Control.CREDIT:
      return receiveCredit(connection, handler, id, readU32(b, value));
    case Control.CANCEL:
      return handler.onCancel(id);
    case Control.HEADERS:
      return handler.onHeaders(id, b, value, valueBytes);
    default:
      connection.charge(PeerEvent.UNKNOWN_FRAME);
  }
}

// Returns why a control frame is illegal regardless of the state of its call, or undefined.
function controlFault(kind: number, id: number, valueBytes: number): string | undefined {
  const rule = CONTROL_RULES[kind];
  if (rule === undefined) return undefined;
  const { name, ofCall, least, most } = rule;
  if (ofCall !== (id !== 0)) {
    return `Cannot accept ${name} with id ${id}: ${ofCall ? "must be a call's" : "must be 0"}`;
  }
  if (valueBytes >= least && valueBytes <= most) return undefined;
  return `Cannot accept ${name} with ${valueBytes} bytes of value: must be ${
    least === most ? least : `at least ${least}`
  }`;
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

/** Adds credit to a call's send window; ends the connection when the window exceeds 2³¹−1. */
export function addCredit(connection: LeanConnection, call: LeanCall, bytes: number): void {
  const { sending } = connection;
  sending.progressMs = connection.nowMs;
  if (call.credit(bytes)) return sending.blocked.notifyWritable();
  connection.fail(
    Reason.FLOW_CONTROL,
    `Cannot accept ${bytes} bytes of credit for call ${call.id}: its window is limited to 2147483647`,
  );
}

/**
 * Checks the length of a piece of a message and charges pieces below 512 bytes; returns false if that ended the
 * connection.
 */
export function admitPiece(connection: LeanConnection, id: number, bytes: number): boolean {
  if (bytes === 0) {
    connection.illegal(`Cannot accept an empty piece of a message of call ${id}`);
    return false;
  }
  return bytes >= LEAST_PIECE_BYTES || connection.charge(PeerEvent.SMALL_PIECE);
}

/**
 * Passes a message, or a piece of one, to its call. Returns the reason if the call must fail. A message beyond the
 * call's credit or with mixed compression ends the connection.
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

/** Whether the type of a frame other than a request is empty, as it must be; otherwise ends the connection. */
export function admitUntyped(connection: LeanConnection, id: number, typeBytes: number): boolean {
  if (typeBytes === 0) return true;
  connection.illegal(`Cannot accept a frame of call ${id} with a route: only requests have one`);
  return false;
}

/** Decodes a field block within the connection's limits; returns a fault if the call must fail. */
export function receiveFields(
  connection: LeanConnection,
  b: Uint8Array,
  at: number,
  bytes: number,
): FieldBlock | FieldFault {
  const { maxHeaderListBytes, maxHeaderFields } = connection.options;
  return readFields(b, at, bytes, maxHeaderListBytes, maxHeaderFields);
}
