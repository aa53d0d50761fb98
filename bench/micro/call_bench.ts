// Deno.bench of whole calls between the engines of both sides, in memory: `deno bench -A bench/micro/call_bench.ts`.
import {
  echoMessages,
  echoUnary,
  EnginePair,
  expectCount,
  ReplyCounter,
  sendChunks,
  UNARY,
  WIRES,
} from "../engine_pair.ts";

const CALLS = 100;
const CHUNKS = 100;
const payload = new Uint8Array(64).fill(7);

for (const wire of WIRES) {
  const baseline = wire === "grpc";
  for (const inFlight of [1, 10]) {
    const pair = new EnginePair(wire, echoUnary);
    const group = `unary calls of 64 B, ${inFlight} at a time`;
    Deno.bench(`${wire}: ${CALLS} ${group}`, { group, baseline }, () => {
      const replies = new ReplyCounter();
      for (let i = 0; i < CALLS; i += inFlight) {
        for (let k = 0; k < inFlight; k++) {
          pair.client.startCall(UNARY, replies).sendLastMessage(payload, false);
        }
        pair.carry();
      }
      expectCount("calls", replies.succeeded, CALLS);
      expectCount("replies", replies.messages, CALLS);
    });
  }

  const stream = new EnginePair(wire, echoMessages);
  const echoed = new ReplyCounter();
  const call = stream.client.startCall(
    { ...UNARY, path: "/bench.Echo/Bidi", singleResponse: false, requestStreams: true },
    echoed,
  );
  Deno.bench(`${wire}: ${CALLS} messages there and back`, { group: "bidi", baseline }, () => {
    echoed.messages = 0;
    for (let i = 0; i < CALLS; i++) {
      call.sendMessage(payload, false);
      stream.carry();
    }
    expectCount("messages", echoed.messages, CALLS);
  });

  const source = new EnginePair(wire, sendChunks(CHUNKS, new Uint8Array(16_384)));
  const group = "server stream";
  Deno.bench(`${wire}: a stream of ${CHUNKS} × 16 KiB`, { group, baseline }, () => {
    const replies = new ReplyCounter();
    source.client.startCall(
      { ...UNARY, path: "/bench.Echo/Chunks", singleResponse: false },
      replies,
    )
      .sendLastMessage(payload, false);
    source.carry();
    expectCount("messages", replies.messages, CHUNKS);
  });
}
