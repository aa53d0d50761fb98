/**
 * A chat room on the lean wire: no `.proto` file, no HTTP/2, and lines that come whenever others write.
 *
 *     deno run -A examples/lean_chat/main.ts
 *
 * For a chat between real terminals see examples/chat.ts.
 *
 * @module
 */

import { connect, serve, type Session, textCodec } from "@vrpc/vrpc";

const room = new Map<string, (line: string) => Promise<void>>();
const tell = (line: string) => Promise.allSettled([...room.values()].map((write) => write(line)));

await using server = await serve("127.0.0.1:0", (router) => {
  router.method("/chat", {
    kind: "bidi_streaming",
    requestCodec: textCodec,
    responseCodec: textCodec,
    description: "a chat room; set the metadata `name`",
  }, async (lines, { metadata, stream }) => {
    const name = String(metadata.get("name"));
    // Replies come from other callers' lines, so they are written rather than yielded.
    room.set(name, (line) => stream.write(line));
    await tell(`* ${name} has joined`);
    try {
      for await (const line of lines) await tell(`${name}: ${line}`);
    } finally {
      room.delete(name);
      await tell(`* ${name} has left`);
    }
  });
});

await using channel = connect(server.addresses[0], { wire: "lean" });
for (const { name, kind, description } of await channel.capabilities()) {
  if (name === "/chat") console.log(`${name} (${kind}): ${description}`);
}

const join = (name: string) => channel.session("/chat", { metadata: { name } });
const say = (session: Session, line: string) => session.send(new TextEncoder().encode(line));

async function hear(name: string, session: Session): Promise<void> {
  const line = await session.receive();
  console.log(`${name} sees "${line === null ? "the end" : new TextDecoder().decode(line)}"`);
}

await using ann = join("ann");
await hear("ann", ann);
await using bob = join("bob");
await hear("ann", ann);
await hear("bob", bob);

await say(bob, "hello ann 🌍");
await hear("ann", ann);
await say(ann, "hello bob");
await hear("ann", ann);

ann.closeSend();
for (let i = 0; i < 3; i++) await hear("bob", bob);
