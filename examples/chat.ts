/**
 * A chat between terminals:
 *
 *     deno run -A examples/chat.ts serve [ADDRESS]
 *     deno run -A examples/chat.ts join NAME [ADDRESS]
 *
 * @module
 */

import { connect, printable, RpcError, serve, Status, textCodec } from "../mod.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const DEFAULT_ADDRESS = "127.0.0.1:8448";

/** Users in the room: name → function that sends a line. */
const room = new Map<string, (line: string) => Promise<void>>();

async function tell(line: string, except?: string): Promise<void> {
  const others = [...room].filter(([name]) => name !== except);
  // A user who disconnects does not keep lines from the others.
  await Promise.allSettled(others.map(([, write]) => write(line)));
}

async function host(address: string): Promise<void> {
  const server = await serve(address, (router) => {
    router.method(
      "/chat",
      {
        description: "a chat room; set the metadata `name`",
        kind: "bidi_streaming",
        requestCodec: textCodec,
        responseCodec: textCodec,
      },
      async (lines, { metadata, stream }) => {
        const name = metadata.get("name");
        if (!name) throw new RpcError(Status.INVALID_ARGUMENT, "Metadata `name` is missing");
        if (room.has(name)) throw new RpcError(Status.ALREADY_EXISTS, `The name ${name} is taken`);
        room.set(name, (line) => stream.write(line));
        try {
          await stream.write(`* you are in a room with ${room.size - 1} others`);
          await tell(`* ${name} has joined`, name);
          for await (const line of lines) void tell(`${name}: ${line}`, name);
        } finally {
          room.delete(name);
          void tell(`* ${name} has left`);
        }
      },
    );
  });
  console.log(`listening ${server.addresses[0]}`);
  Deno.addSignalListener("SIGINT", () => server.shutdown({ graceMs: 500 }));
  await server.finished;
}

async function join(name: string, address: string): Promise<void> {
  await using channel = connect(address, { wire: "lean" });
  await using session = channel.session("/chat", { metadata: { name } });
  const reading = (async () => {
    for await (const line of session) console.log(printable(decoder.decode(line)));
  })();
  const typing = (async () => {
    let rest = "";
    for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) await session.send(encoder.encode(line));
    }
    session.closeSend();
  })();
  await Promise.race([reading, typing.then(() => reading)]);
}

const [what, ...rest] = Deno.args;
try {
  if (what === "serve") await host(rest[0] ?? DEFAULT_ADDRESS);
  else if (what === "join" && rest[0]) await join(rest[0], rest[1] ?? DEFAULT_ADDRESS);
  else throw new TypeError("Usage: chat.ts serve [ADDRESS] or chat.ts join NAME [ADDRESS]");
  Deno.exit(0);
} catch (error) {
  console.error(
    printable(error instanceof RpcError ? `${error.codeName}: ${error.message}` : String(error)),
  );
  Deno.exit(1);
}
