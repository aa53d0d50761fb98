import assert from "node:assert/strict";
import {
  CLIENT_FRAMES,
  clientEffect,
  Effect,
  Input,
  ReplyState,
  RequestState,
  SERVER_FRAMES,
  serverEffect,
} from "../../../src/lean/format/state.ts";

const inputs = Object.entries(Input);

/** Inputs that are accepted (A) or ignored (I) in each state; all others are errors. */
function table(
  states: Readonly<Record<string, number>>,
  effect: (state: number, input: number) => number,
): string[] {
  return Object.entries(states).map(([state, s]) => {
    const cells = inputs.filter(([, i]) => effect(s, i) !== Effect.ERROR)
      .map(([input, i]) => `${effect(s, i) === Effect.ACCEPT ? "A" : "I"}:${input}`);
    return `${state} ${cells.join(" ")}`.trim();
  });
}

Deno.test("serverEffect() accepts, ignores or refuses the frames of a client by state", () => {
  assert.deepEqual(table(RequestState, serverEffect), [
    "IDLE A:WHOLE A:OPEN",
    "OPEN A:MESSAGE A:PIECE A:MESSAGE_END A:END A:CANCEL A:CREDIT",
    "HALF_CLOSED A:CANCEL A:CREDIT",
    "CLOSED I:MESSAGE I:PIECE I:MESSAGE_END I:END I:CANCEL I:CREDIT",
  ]);
});

Deno.test("clientEffect() accepts, ignores or refuses the frames of a server by state", () => {
  assert.deepEqual(table(ReplyState, clientEffect), [
    "IDLE",
    "WAITING A:WHOLE A:MESSAGE A:PIECE A:MESSAGE_END A:END A:ERROR A:HEADERS A:CREDIT",
    "STREAMING A:MESSAGE A:PIECE A:MESSAGE_END A:END A:ERROR A:CREDIT",
    "CLOSED I:WHOLE I:MESSAGE I:PIECE I:MESSAGE_END I:END I:ERROR I:HEADERS I:CREDIT",
  ]);
});

Deno.test("flags that are not listed are illegal", () => {
  const legal = (frames: Uint8Array) =>
    Array.from(frames, (input, flags) => input === Input.ILLEGAL ? -1 : flags).filter((f) =>
      f >= 0
    );
  assert.deepEqual(legal(CLIENT_FRAMES), [
    0x00,
    0x01,
    0x04,
    0x05,
    0x08,
    0x0c,
    0x21,
    0x25,
    0x44,
    0x81,
    0x84,
    0x8c,
    0xa1,
    0xc4,
  ]);
  assert.deepEqual(legal(SERVER_FRAMES), [
    0x00,
    0x02,
    0x06,
    0x0a,
    0x0e,
    0x12,
    0x22,
    0x26,
    0x2a,
    0x2e,
    0x32,
    0x46,
    0x66,
    0x82,
    0x86,
    0x8e,
    0xa2,
    0xa6,
    0xae,
    0xc6,
    0xe6,
  ]);
});
