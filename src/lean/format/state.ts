/**
 * What a peer may send in each state of a call, after the hello. Everything that decides legality is here, as
 * tables; an input that they do not list is a connection error.
 *
 * ```text
 * A call as the server sees its client:            A call as the client sees its server:
 *
 *   idle ──request whole──────────┐                  waiting ──message, headers──▶ streaming ─┐
 *    │                            ▼                     │                           │ message │
 *    └─open──▶ open ──end──▶ half-closed                │                           └─────────┤
 *               │ message        │                      └──whole, end, error──▶ closed ◀──────┘
 *               └────────┬───────┘                                                 (ignored)
 *           cancel, or this side's status ──▶ closed (late frames are ignored)
 * ```
 *
 * @module
 */

import { COMPRESSED, END, ERROR, FIELDS, MORE, REQUEST, RESPONSE, STREAM } from "./frames.ts";

/** Kinds of frames, as the tables distinguish them. */
export const Input = {
  /** Flags that are not a legal combination. */
  ILLEGAL: 0,
  /** A control frame; its kind selects the input. */
  CONTROL: 1,
  /** To a server, REQUEST: a call with its only message. To a client, RESPONSE: the whole reply. */
  WHOLE: 2,
  /** REQUEST | STREAM: a call whose messages follow. */
  OPEN: 3,
  /** A message, or the last piece of one. */
  MESSAGE: 4,
  /** A piece of a message. */
  PIECE: 5,
  /** A message, or its last piece, and the end of the sender's stream. */
  MESSAGE_END: 6,
  /** The end of the sender's stream, without a message. */
  END: 7,
  /** An error, which ends the call. */
  ERROR: 8,
  /** Control: response headers. */
  HEADERS: 9,
  /** Control: the client cancels the call. */
  CANCEL: 10,
  /** Control: credit for this side's messages. */
  CREDIT: 11,
} as const;

/** A call's state on a server: what its client may still send. */
export const RequestState = {
  /** Never opened. */
  IDLE: 0,
  /** The client may send messages. */
  OPEN: 1,
  /** The client has ended its stream. */
  HALF_CLOSED: 2,
  /** Cancelled, or ended by this side; frames of the client may still be in flight. */
  CLOSED: 3,
} as const;

/** A call's state on a client: what its server may still send. */
export const ReplyState = {
  /** Never opened. */
  IDLE: 0,
  /** Opened; no headers and no part of the reply have been received. */
  WAITING: 1,
  /** Headers or part of the reply have been received. */
  STREAMING: 2,
  /** Ended; frames may still be in flight. */
  CLOSED: 3,
} as const;

/** Effect of an input. */
export const Effect = {
  /** Illegal input: ends the connection. */
  ERROR: 0,
  /** Legal input: handled. */
  ACCEPT: 1,
  /** Late input: dropped, and charged to the overhead budget. */
  IGNORE: 2,
} as const;

const INPUTS = Object.keys(Input).length;
const STATES = 4;

function table(rows: Record<number, Partial<Record<number, number>>>): Uint8Array {
  const cells = new Uint8Array(STATES * INPUTS);
  for (const [state, row] of Object.entries(rows)) {
    for (const [input, effect] of Object.entries(row)) {
      cells[Number(state) * INPUTS + Number(input)] = effect!;
    }
  }
  return cells;
}

const { ACCEPT, IGNORE } = Effect;

const SERVER = table({
  [RequestState.IDLE]: { [Input.WHOLE]: ACCEPT, [Input.OPEN]: ACCEPT },
  [RequestState.OPEN]: {
    [Input.MESSAGE]: ACCEPT,
    [Input.PIECE]: ACCEPT,
    [Input.MESSAGE_END]: ACCEPT,
    [Input.END]: ACCEPT,
    [Input.CANCEL]: ACCEPT,
    [Input.CREDIT]: ACCEPT,
  },
  [RequestState.HALF_CLOSED]: { [Input.CANCEL]: ACCEPT, [Input.CREDIT]: ACCEPT },
  [RequestState.CLOSED]: {
    [Input.MESSAGE]: IGNORE,
    [Input.PIECE]: IGNORE,
    [Input.MESSAGE_END]: IGNORE,
    [Input.END]: IGNORE,
    [Input.CANCEL]: IGNORE,
    [Input.CREDIT]: IGNORE,
  },
});

const CLIENT = table({
  [ReplyState.WAITING]: {
    [Input.WHOLE]: ACCEPT,
    [Input.MESSAGE]: ACCEPT,
    [Input.PIECE]: ACCEPT,
    [Input.MESSAGE_END]: ACCEPT,
    [Input.END]: ACCEPT,
    [Input.ERROR]: ACCEPT,
    [Input.HEADERS]: ACCEPT,
    [Input.CREDIT]: ACCEPT,
  },
  [ReplyState.STREAMING]: {
    [Input.MESSAGE]: ACCEPT,
    [Input.PIECE]: ACCEPT,
    [Input.MESSAGE_END]: ACCEPT,
    [Input.END]: ACCEPT,
    [Input.ERROR]: ACCEPT,
    [Input.CREDIT]: ACCEPT,
  },
  [ReplyState.CLOSED]: {
    [Input.WHOLE]: IGNORE,
    [Input.MESSAGE]: IGNORE,
    [Input.PIECE]: IGNORE,
    [Input.MESSAGE_END]: IGNORE,
    [Input.END]: IGNORE,
    [Input.ERROR]: IGNORE,
    [Input.HEADERS]: IGNORE,
    [Input.CREDIT]: IGNORE,
  },
});

/** Returns the {@link Effect} that an input from the client has on a server. */
export function serverEffect(state: number, input: number): number {
  return SERVER[state * INPUTS + input];
}

/** Returns the {@link Effect} that an input from the server has on a client. */
export function clientEffect(state: number, input: number): number {
  return CLIENT[state * INPUTS + input];
}

const FRAME_NAMES: Readonly<Record<number, string>> = {
  [Input.WHOLE]: "a whole reply",
  [Input.MESSAGE]: "a message",
  [Input.PIECE]: "a piece of a message",
  [Input.MESSAGE_END]: "a last message",
  [Input.END]: "the end of the stream",
  [Input.ERROR]: "an error",
  [Input.HEADERS]: "response headers",
  [Input.CANCEL]: "CANCEL",
  [Input.CREDIT]: "CREDIT",
};
// Phrases for error texts, by state.
const REQUEST_PHRASES = [
  "the call was never opened",
  "the call is open",
  "the client has half-closed the call",
  "the call is closed",
];
const REPLY_PHRASES = [
  "the call was never opened",
  "the reply has not begun",
  "the reply has begun",
  "the call is closed",
];

/** Describes an input that the tables refuse. `flags` are those of the frame, `side` is the receiver's. */
export function describeIllegal(
  side: "client" | "server",
  flags: number,
  input: number,
  id: number,
  state: number,
): string {
  if (input === Input.ILLEGAL) {
    const shown = flags.toString(16).padStart(2, "0");
    return `Cannot accept a frame with flags 0x${shown} for call ${id}: no ${
      side === "server" ? "client" : "server"
    } frame has these flags`;
  }
  const phrases = side === "server" ? REQUEST_PHRASES : REPLY_PHRASES;
  return `Cannot accept ${FRAME_NAMES[input]} for call ${id}: ${phrases[state]}`;
}

function inputs(list: readonly [flags: number, optional: number, input: number][]): Uint8Array {
  const of = new Uint8Array(256);
  for (const [flags, optional, input] of list) {
    for (const extra of [0, FIELDS, COMPRESSED, FIELDS | COMPRESSED]) {
      if ((extra & ~optional) === 0) of[flags | extra] = input;
    }
  }
  of[0] = Input.CONTROL;
  return of;
}

/** Lookup table: flags byte of a frame sent by a client to its {@link Input}. */
export const CLIENT_FRAMES: Uint8Array = inputs([
  [REQUEST, FIELDS | COMPRESSED, Input.WHOLE],
  [REQUEST | STREAM, FIELDS, Input.OPEN],
  [STREAM, COMPRESSED, Input.MESSAGE],
  [STREAM | MORE, COMPRESSED, Input.PIECE],
  [STREAM | END, COMPRESSED, Input.MESSAGE_END],
  [END, 0, Input.END],
]);

/** Lookup table: flags byte of a frame sent by a server to its {@link Input}. */
export const SERVER_FRAMES: Uint8Array = inputs([
  [RESPONSE, FIELDS | COMPRESSED, Input.WHOLE],
  [RESPONSE | STREAM, FIELDS | COMPRESSED, Input.MESSAGE],
  [RESPONSE | STREAM | MORE, FIELDS | COMPRESSED, Input.PIECE],
  [RESPONSE | STREAM | END, FIELDS | COMPRESSED, Input.MESSAGE_END],
  [RESPONSE | END, FIELDS, Input.END],
  [RESPONSE | ERROR, FIELDS, Input.ERROR],
]);
