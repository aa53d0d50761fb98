import assert from "node:assert/strict";
import { ErrorCode } from "../../src/http2/constants.ts";
import {
  isStateError,
  nextState,
  stateErrorCode,
  StreamInput,
  StreamState,
} from "../../src/http2/stream_state.ts";

const { IDLE, OPEN, HALF_CLOSED_LOCAL, HALF_CLOSED_REMOTE, CLOSED } = StreamState;

Deno.test("RFC 9113 §5.1: the life of a stream, from either end", () => {
  const path = (...inputs: (keyof typeof StreamInput)[]) =>
    inputs.reduce<number>((state, input) => nextState(state, StreamInput[input]), IDLE);
  assert.equal(path("RECV_HEADERS"), OPEN);
  assert.equal(path("RECV_HEADERS_END"), HALF_CLOSED_REMOTE);
  assert.equal(path("RECV_HEADERS", "RECV_DATA", "RECV_DATA_END"), HALF_CLOSED_REMOTE);
  assert.equal(path("RECV_HEADERS", "SEND_HEADERS", "SEND_DATA_END"), HALF_CLOSED_LOCAL);
  assert.equal(path("RECV_HEADERS_END", "SEND_HEADERS", "SEND_HEADERS_END"), CLOSED);
  assert.equal(path("SEND_HEADERS_END", "RECV_HEADERS", "RECV_DATA_END"), CLOSED);
  assert.equal(path("SEND_HEADERS", "RESET"), CLOSED);
});

Deno.test("RFC 9113 §5.1: frames after END_STREAM are STREAM_CLOSED, DATA on an idle stream is PROTOCOL_ERROR", () => {
  const code = (state: number, input: keyof typeof StreamInput) => {
    const next = nextState(state, StreamInput[input]);
    return isStateError(next) ? stateErrorCode(next) : undefined;
  };
  for (const state of [HALF_CLOSED_REMOTE, CLOSED]) {
    for (
      const input of ["RECV_DATA", "RECV_DATA_END", "RECV_HEADERS", "RECV_HEADERS_END"] as const
    ) {
      assert.equal(code(state, input), ErrorCode.STREAM_CLOSED);
    }
  }
  assert.equal(code(IDLE, "RECV_DATA"), ErrorCode.PROTOCOL_ERROR);
  assert.equal(code(OPEN, "RECV_DATA"), undefined);
});
