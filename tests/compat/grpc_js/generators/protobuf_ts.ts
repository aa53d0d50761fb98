/**
 * Serves and calls the code of protobuf-ts: a service definition for grpc-js, one by `@protobuf-ts/grpc-backend`, and a
 * client of `@protobuf-ts/grpc-transport`.
 *
 * @module
 */

import assert from "node:assert/strict";
import * as grpc from "@grpc/grpc-js";
import { adaptService } from "@protobuf-ts/grpc-backend";
import { GrpcTransport } from "@protobuf-ts/grpc-transport";
import { RpcError, type RpcInputStream, type ServerCallContext } from "@protobuf-ts/runtime-rpc";
import { greeter, startServer } from "./callback_greeter.ts";
import { GreeterClient } from "./gen/protobuf_ts/greet_pb.client.ts";
import { greeterDefinition, type IGreeter } from "./gen/protobuf_ts/greet_pb.grpc-server.ts";
import { Greeter, type HelloReply, type HelloRequest } from "./gen/protobuf_ts/greet_pb.ts";

async function check(address: string): Promise<void> {
  const transport = new GrpcTransport({
    host: address,
    channelCredentials: grpc.credentials.createInsecure(),
  });
  const client = new GreeterClient(transport);
  const meta = { to: "Ada" };
  const { response, trailers } = await client.sayHello({ name: "Ada", times: 0 }, { meta });
  assert.equal(response.message, "Hello Ada");
  assert.equal(trailers.from, "Ada");
  const gather = client.greetAll();
  for (const name of ["Ada", "Bob"]) await gather.requests.send({ name, times: 0 });
  await gather.requests.complete();
  assert.equal((await gather.response).message, "Hello Ada, Bob");
  assert.deepEqual(await all(client.repeat({ name: "Ada", times: 2 }).responses), [
    "Ada 1",
    "Ada 2",
  ]);
  const chat = client.chat();
  for (const name of ["Ada", "Bob"]) await chat.requests.send({ name, times: 0 });
  await chat.requests.complete();
  assert.deepEqual(await all(chat.responses), ["Hello Ada", "Hello Bob"]);
  await assert.rejects(
    async () => await client.sayHello({ name: "", times: 0 }, { meta }),
    (error: RpcError) => {
      assert.ok(error instanceof RpcError);
      assert.equal(error.code, "INVALID_ARGUMENT");
      assert.equal(error.message, "no name");
      assert.equal(error.meta.from, "Ada");
      return true;
    },
  );
  transport.close();
}

async function all(replies: AsyncIterable<HelloReply>): Promise<string[]> {
  const messages: string[] = [];
  for await (const { message } of replies) messages.push(message);
  return messages;
}

const handlers: IGreeter = { ...greeter };
const own = await startServer(greeterDefinition, handlers);
await check(own.address);
own.server.forceShutdown();

const [definition, implementation] = adaptService(Greeter, {
  sayHello(request: HelloRequest, context: ServerCallContext) {
    const trailers = { from: String(context.headers.to) };
    if (request.name === "") throw new RpcError("no name", "INVALID_ARGUMENT", trailers);
    context.trailers = trailers;
    return Promise.resolve({ message: `Hello ${request.name}` });
  },
  async greetAll(requests: AsyncIterable<HelloRequest>) {
    const names: string[] = [];
    for await (const { name } of requests) names.push(name);
    return { message: `Hello ${names.join(", ")}` };
  },
  async repeat({ name, times }: HelloRequest, replies: RpcInputStream<HelloReply>) {
    for (let i = 1; i <= times; i++) await replies.send({ message: `${name} ${i}` });
    await replies.complete();
  },
  async chat(requests: AsyncIterable<HelloRequest>, replies: RpcInputStream<HelloReply>) {
    for await (const { name } of requests) await replies.send({ message: `Hello ${name}` });
    await replies.complete();
  },
});
const adapted = await startServer(definition, implementation);
await check(adapted.address);
adapted.server.forceShutdown();
console.log("all checks passed");
