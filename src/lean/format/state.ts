/**
 * What a peer may send when, after the hello. Everything that decides legality is here, as tables; what
 * they do not list is an error of the connection.
 *
 * ```text
 * A call as the server sees its client:            A call as the client sees its server:
 *
 *   idle ──request whole──────────┐                  waiting ──message, headers──▶ streaming ─┐
 *    │                            ▼                     │                           │ message │
 *    └─open──▶ open ──end──▶ half-closed                │                           └─────────┤
 *               │ message        │                      └──whole, end, error──▶ closed ◀──────┘
 *               └────────┬───────┘                                                 (ignored)
 *           cancel, or this side's status ──▶ closed (what is under way is ignored)
 * ```
 *
 * @module
 */

import { COMPRESSED, END, ERROR, FIELDS, MORE, REQUEST, RESPONSE, STREAM } from "./frames.ts";

/** What a frame is to the state machine. */
export const Input = {
  /** No legal combination of flags. */
  ILLEGAL: 0,
  /** A control frame: dispatched by its kind. */
  CONTROL: 1,
  /** REQUEST: a call with its only message. Or, to a client, RESPONSE: the whole reply. */
  WHOLE: 2,
  /** REQUEST | STREAM: a call whose messages follow. */
  OPEN: 3,
  /** A message, or the last piece of one. */
  MESSAGE: 4,
  /** A piece of a message. */
  PIECE: 5,
  /** A message (or its last piece) and the end of the sender's stream. */
  MESSAGE_END: 6,
  /** The end without a message. */
  END: 7,
  /** The call failed. */
  ERROR: 8,
  /** Control: response headers. */
  HEADERS: 9,
  /** Control: the client gives up. */
  CANCEL: 10,
  /** Control: credit for this side's messages. */
  CREDIT: 11,
} as const;

/** The state of a call towards what the peer sends. */
export const State = {
  /** Never seen. */
  IDLE: 0,
  /** The peer may send messages (server), or nothing has come yet (client). */
  OPEN: 1,
  /** The peer has sent all its messages (server), or some reply has come (client). */
  LATER: 2,
  /** Over on this side; frames may still be under way. */
  CLOSED: 3,
} as const;

/** What to do with an input. */
export const Effect = {
  /** Breaks the protocol: the connection ends. */
  ERROR: 0,
  /** Handle it. */
  ACCEPT: 1,
  /** Late: drop it, charge the overhead budget. */
  IGNORE: 2,
} as const;

const INPUTS = 12;

function table(rows: Record<number, Partial<Record<number, number>>>): Uint8Array {
  const cells = new Uint8Array(4 * INPUTS);
  for (const [state, row] of Object.entries(rows)) {
    for (const [input, effect] of Object.entries(row)) {
      cells[Number(state) * INPUTS + Number(input)] = effect!;
    }
  }
  return cells;
}

const { ACCEPT, IGNORE } = Effect;

const SERVER = table({
  [State.IDLE]: { [Input.WHOLE]: ACCEPT, [Input.OPEN]: ACCEPT },
  [State.OPEN]: {
    [Input.MESSAGE]: ACCEPT,
    [Input.PIECE]: ACCEPT,
    [Input.MESSAGE_END]: ACCEPT,
    [Input.END]: ACCEPT,
    [Input.CANCEL]: ACCEPT,
    [Input.CREDIT]: ACCEPT,
  },
  [State.LATER]: { [Input.CANCEL]: ACCEPT, [Input.CREDIT]: ACCEPT },
  [State.CLOSED]: {
    [Input.MESSAGE]: IGNORE,
    [Input.PIECE]: IGNORE,
    [Input.MESSAGE_END]: IGNORE,
    [Input.END]: IGNORE,
    [Input.CANCEL]: IGNORE,
    [Input.CREDIT]: IGNORE,
  },
});

const CLIENT = table({
  [State.OPEN]: {
    [Input.WHOLE]: ACCEPT,
    [Input.MESSAGE]: ACCEPT,
    [Input.PIECE]: ACCEPT,
    [Input.MESSAGE_END]: ACCEPT,
    [Input.END]: ACCEPT,
    [Input.ERROR]: ACCEPT,
    [Input.HEADERS]: ACCEPT,
    [Input.CREDIT]: ACCEPT,
  },
  [State.LATER]: {
    [Input.MESSAGE]: ACCEPT,
    [Input.PIECE]: ACCEPT,
    [Input.MESSAGE_END]: ACCEPT,
    [Input.END]: ACCEPT,
    [Input.ERROR]: ACCEPT,
    [Input.CREDIT]: ACCEPT,
  },
  [State.CLOSED]: {
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

/** What a server does with an input from its client. */
export function serverEffect(state: number, input: number): number {
  return SERVER[state * INPUTS + input];
}

/** What a client does with an input from its server. */
export function clientEffect(state: number, input: number): number {
  return CLIENT[state * INPUTS + input];
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

/** Flags of a client's frame to {@link Input}. */
export const CLIENT_FRAMES: Uint8Array = inputs([
  [REQUEST, FIELDS | COMPRESSED, Input.WHOLE],
  [REQUEST | STREAM, FIELDS, Input.OPEN],
  [STREAM, COMPRESSED, Input.MESSAGE],
  [STREAM | MORE, COMPRESSED, Input.PIECE],
  [STREAM | END, COMPRESSED, Input.MESSAGE_END],
  [END, 0, Input.END],
]);

/** Flags of a server's frame to {@link Input}. */
export const SERVER_FRAMES: Uint8Array = inputs([
  [RESPONSE, FIELDS | COMPRESSED, Input.WHOLE],
  [RESPONSE | STREAM, FIELDS | COMPRESSED, Input.MESSAGE],
  [RESPONSE | STREAM | MORE, FIELDS | COMPRESSED, Input.PIECE],
  [RESPONSE | STREAM | END, FIELDS | COMPRESSED, Input.MESSAGE_END],
  [RESPONSE | END, FIELDS, Input.END],
  [RESPONSE | ERROR, FIELDS, Input.ERROR],
]);
