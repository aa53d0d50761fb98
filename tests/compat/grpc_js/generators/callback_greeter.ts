/**
 * The service for generators whose messages are plain objects: handlers, and calls of a client with their checks.
 *
 * @module
 */

import assert from "node:assert/strict";
import * as grpc from "@grpc/grpc-js";

/** Request of all methods. */
export interface HelloRequest {
  name: string;
  times: number;
}

/** Reply of all methods. */
export interface HelloReply {
  message: string;
}

type Done = (error: grpc.ServiceError | null, reply: HelloReply) => void;

/** Client of the service. */
export interface GreeterClient {
  sayHello(request: HelloRequest, metadata: grpc.Metadata, done: Done): grpc.ClientUnaryCall;
  greetAll(done: Done): grpc.ClientWritableStream<HelloRequest>;
  repeat(request: HelloRequest): grpc.ClientReadableStream<HelloReply>;
  chat(): grpc.ClientDuplexStream<HelloRequest, HelloReply>;
}

/** Handlers of the service. */
export const greeter = {
  sayHello(
    call: grpc.ServerUnaryCall<HelloRequest, HelloReply>,
    callback: grpc.sendUnaryData<HelloReply>,
  ): void {
    const trailers = new grpc.Metadata();
    trailers.set("from", String(call.metadata.get("to")[0]));
    if (call.request.name !== "") {
      callback(null, { message: `Hello ${call.request.name}` }, trailers);
    } else callback({ code: grpc.status.INVALID_ARGUMENT, details: "no name", metadata: trailers });
  },
  greetAll(
    call: grpc.ServerReadableStream<HelloRequest, HelloReply>,
    callback: grpc.sendUnaryData<HelloReply>,
  ): void {
    const names: string[] = [];
    call.on("data", ({ name }: HelloRequest) => names.push(name));
    call.on("end", () => callback(null, { message: `Hello ${names.join(", ")}` }));
  },
  repeat(call: grpc.ServerWritableStream<HelloRequest, HelloReply>): void {
    for (let i = 1; i <= call.request.times; i++) {
      call.write({ message: `${call.request.name} ${i}` });
    }
    call.end();
  },
  chat(call: grpc.ServerDuplexStream<HelloRequest, HelloReply>): void {
    call.on("data", ({ name }: HelloRequest) => call.write({ message: `Hello ${name}` }));
    call.on("end", () => call.end());
  },
};

/** Starts a server of a service on a free port; resolves to it and its address. */
export function startServer(
  definition: grpc.ServiceDefinition,
  handlers: grpc.UntypedServiceImplementation,
): Promise<{ server: grpc.Server; address: string }> {
  const server = new grpc.Server();
  server.addService(definition, handlers);
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error);
      else resolve({ server, address: `127.0.0.1:${port}` });
    });
  });
}

function unary(client: GreeterClient, name: string): Promise<{ reply?: HelloReply; from: string }> {
  const metadata = new grpc.Metadata();
  metadata.set("to", "Ada");
  return new Promise((resolve, reject) => {
    let outcome: HelloReply | undefined;
    const call = client.sayHello({ name, times: 0 }, metadata, (error, reply) => {
      if (error) reject(error);
      outcome = reply;
    });
    call.on("status", (status: grpc.StatusObject) => {
      resolve({ reply: outcome, from: String(status.metadata.get("from")[0]) });
    });
  });
}

function all(call: grpc.ClientReadableStream<HelloReply>): Promise<string[]> {
  const messages: string[] = [];
  return new Promise((resolve, reject) => {
    call.on("data", ({ message }: HelloReply) => messages.push(message));
    call.on("end", () => resolve(messages));
    call.on("error", reject);
  });
}

/** Calls all methods, and one that fails. */
export async function checkClient(client: GreeterClient): Promise<void> {
  const { reply, from } = await unary(client, "Ada");
  assert.equal(reply!.message, "Hello Ada");
  assert.equal(from, "Ada");
  const gathered = await new Promise<HelloReply>((resolve, reject) => {
    const call = client.greetAll((error, reply) => error ? reject(error) : resolve(reply));
    for (const name of ["Ada", "Bob"]) call.write({ name, times: 0 });
    call.end();
  });
  assert.equal(gathered.message, "Hello Ada, Bob");
  assert.deepEqual(await all(client.repeat({ name: "Ada", times: 2 })), ["Ada 1", "Ada 2"]);
  const chat = client.chat();
  for (const name of ["Ada", "Bob"]) chat.write({ name, times: 0 });
  chat.end();
  assert.deepEqual(await all(chat), ["Hello Ada", "Hello Bob"]);
  await assert.rejects(unary(client, ""), (error: grpc.ServiceError) => {
    assert.equal(error.message, "3 INVALID_ARGUMENT: no name");
    assert.equal(error.code, grpc.status.INVALID_ARGUMENT);
    assert.equal(error.metadata.get("from")[0], "Ada");
    return true;
  });
  console.log("all checks passed");
}
