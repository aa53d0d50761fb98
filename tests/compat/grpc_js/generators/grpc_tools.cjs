/**
 * Serves and calls the static code of grpc-tools.
 *
 * @module
 */

"use strict";

const assert = require("node:assert/strict");
const grpc = require("@grpc/grpc-js");
const { GreeterClient, GreeterService } = require("./gen/grpc_tools/greet_grpc_pb.js");
const { HelloReply, HelloRequest } = require("./gen/grpc_tools/greet_pb.js");

const replyOf = (text) => new HelloReply().setMessage(text);
const requestOf = (name, times = 0) => new HelloRequest().setName(name).setTimes(times);

const greeter = {
  sayHello(call, callback) {
    const name = call.request.getName();
    if (name !== "") callback(null, replyOf(`Hello ${name}`));
    else callback(Object.assign(new Error("no name"), { code: grpc.status.INVALID_ARGUMENT }));
  },
  greetAll(call, callback) {
    const names = [];
    call.on("data", (request) => names.push(request.getName()));
    call.on("end", () => callback(null, replyOf(`Hello ${names.join(", ")}`)));
  },
  repeat(call) {
    const { request } = call;
    for (let i = 1; i <= request.getTimes(); i++) call.write(replyOf(`${request.getName()} ${i}`));
    call.end();
  },
  chat(call) {
    call.on("data", (request) => call.write(replyOf(`Hello ${request.getName()}`)));
    call.on("end", () => call.end());
  },
};

function unary(client, name) {
  return new Promise((resolve, reject) => {
    client.sayHello(requestOf(name), (error, reply) => error ? reject(error) : resolve(reply));
  });
}

function all(call) {
  const messages = [];
  return new Promise((resolve, reject) => {
    call.on("data", (reply) => messages.push(reply.getMessage()));
    call.on("end", () => resolve(messages));
    call.on("error", reject);
  });
}

async function main() {
  const server = new grpc.Server();
  server.addService(GreeterService, greeter);
  const port = await new Promise((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure();
    server.bindAsync("127.0.0.1:0", credentials, (e, port) => e ? reject(e) : resolve(port));
  });
  const client = new GreeterClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  assert.equal((await unary(client, "Ada")).getMessage(), "Hello Ada");
  const gathered = await new Promise((resolve, reject) => {
    const call = client.greetAll((error, reply) => error ? reject(error) : resolve(reply));
    for (const name of ["Ada", "Bob"]) call.write(requestOf(name));
    call.end();
  });
  assert.equal(gathered.getMessage(), "Hello Ada, Bob");
  assert.deepEqual(await all(client.repeat(requestOf("Ada", 2))), ["Ada 1", "Ada 2"]);
  const chat = client.chat();
  for (const name of ["Ada", "Bob"]) chat.write(requestOf(name));
  chat.end();
  assert.deepEqual(await all(chat), ["Hello Ada", "Hello Bob"]);
  await assert.rejects(unary(client, ""), { message: "3 INVALID_ARGUMENT: no name", code: 3 });
  client.close();
  server.forceShutdown();
  console.log("all checks passed");
}

main();
