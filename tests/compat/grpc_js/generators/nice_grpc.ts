/**
 * Serves and calls the code of ts-proto by nice-grpc.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  ClientError,
  createChannel,
  createClient,
  createServer,
  Metadata,
  ServerError,
  Status,
} from "nice-grpc";
import {
  type GreeterClient,
  GreeterDefinition,
  type GreeterServiceImplementation,
  type HelloReply,
} from "./gen/nice_grpc/greet.ts";

const greeter: GreeterServiceImplementation = {
  sayHello({ name }, context) {
    context.trailer.set("from", String(context.metadata.get("to")));
    if (name === "") throw new ServerError(Status.INVALID_ARGUMENT, "no name");
    return Promise.resolve({ message: `Hello ${name}` });
  },
  async greetAll(requests) {
    const names: string[] = [];
    for await (const { name } of requests) names.push(name);
    return { message: `Hello ${names.join(", ")}` };
  },
  async *repeat({ name, times }) {
    for (let i = 1; i <= times; i++) yield { message: `${name} ${i}` };
  },
  async *chat(requests) {
    for await (const { name } of requests) yield { message: `Hello ${name}` };
  },
};

async function* requests() {
  yield { name: "Ada" };
  yield { name: "Bob" };
}

async function all(replies: AsyncIterable<HelloReply>): Promise<string[]> {
  const messages: string[] = [];
  for await (const { message } of replies) messages.push(message);
  return messages;
}

const server = createServer();
server.add(GreeterDefinition, greeter);
const channel = createChannel(`127.0.0.1:${await server.listen("127.0.0.1:0")}`);
const client: GreeterClient = createClient(GreeterDefinition, channel);
let from: string | undefined;
const reply = await client.sayHello({ name: "Ada" }, {
  metadata: Metadata({ to: "Ada" }),
  onTrailer: (trailer) => from = trailer.get("from"),
});
assert.equal(reply.message, "Hello Ada");
assert.equal(from, "Ada");
assert.equal((await client.greetAll(requests())).message, "Hello Ada, Bob");
assert.deepEqual(await all(client.repeat({ name: "Ada", times: 2 })), ["Ada 1", "Ada 2"]);
assert.deepEqual(await all(client.chat(requests())), ["Hello Ada", "Hello Bob"]);
await assert.rejects(client.sayHello({ name: "" }), (error: ClientError) => {
  assert.ok(error instanceof ClientError);
  assert.equal(error.code, Status.INVALID_ARGUMENT);
  assert.equal(error.details, "no name");
  return true;
});
channel.close();
await server.shutdown();
console.log("all checks passed");
