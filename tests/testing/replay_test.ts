import assert from "node:assert/strict";
import { Status } from "../../mod.ts";
import { Recording, replay, testServer } from "../../src/testing/mod.ts";
import { text, untext } from "../fixtures/bytes.ts";
import { failure } from "../../src/testing/failure.ts";

const base64 = (words: string) => btoa(words);

function recordingOf(
  path: string,
  kind: "unary" | "bidi_streaming",
  ...sessions: (readonly ["request" | "reply", string])[][]
): Recording {
  const recording = new Recording();
  for (const messages of sessions) {
    recording.calls.push({
      path,
      kind,
      messages: messages.map(([side, words]) => [side, base64(words)] as const),
      headers: [],
      trailers: [],
      status: { code: 0, message: "", details: [] },
    });
  }
  return recording;
}

Deno.test("answers to the same request come in turn, and the last one again", async () => {
  const recording = recordingOf(
    "/x",
    "unary",
    [["request", "a"], ["reply", "first"]],
    [["request", "b"], ["reply", "other"]],
    [["request", "a"], ["reply", "second"]],
  );
  await using test = await testServer((router) => replay(router, recording));
  const answers: string[] = [];
  for (const request of ["a", "a", "a", "b"]) {
    answers.push(untext(await test.channel.call("/x", text(request))));
  }
  assert.deepEqual(answers, ["first", "second", "second", "other"]);
  const error = await failure(test.channel.call("/x", text("c")));
  assert.equal(error.code, Status.NOT_FOUND);
  assert.match(error.message, /No recorded call of \/x has this request: 3 are recorded/);
});

Deno.test("a conversation that differs from its recording ends with FAILED_PRECONDITION", async () => {
  const recording = recordingOf(
    "/chat",
    "bidi_streaming",
    [["reply", "hello"], ["request", "hi"], ["reply", "bye"]],
    [["request", "hi"]],
  );
  await using test = await testServer((router) => replay(router, recording));
  {
    await using session = test.channel.session("/chat");
    assert.equal(untext((await session.receive())!), "hello");
    await session.send(text("hi"));
    assert.equal(untext((await session.receive())!), "bye");
    assert.equal(await session.receive(), null);
  }
  {
    await using session = test.channel.session("/chat");
    await session.send(text("something else"));
    const error = await failure(session.receive());
    assert.equal(error.code, Status.FAILED_PRECONDITION);
    assert.match(error.message, /another message was sent/);
  }
  await using session = test.channel.session("/chat");
  assert.equal((await failure(session.receive())).code, Status.NOT_FOUND);
});
