// grpc-js as a server and as a client, on Deno and on Node alike. The service is `test.Kinds`, with raw bytes:
//
// | method   | kind             | does |
// | -------- | ---------------- | --- |
// | Unary    | unary            | returns the request |
// | Collect  | client streaming | returns all requests joined |
// | Split    | server streaming | returns each byte of the request as a message |
// | Echo     | bidirectional    | returns every request at once |
// | Metadata | unary            | returns request metadata `x-…` as headers, and as trailers with `t` in front |
// | Fail     | unary            | fails with the code in the first byte, the rest as text, and trailers |
// | Break    | server streaming | one message, then DATA_LOSS |
// | Sleep    | unary            | answers never; when it is cancelled, that is counted |
// | Count    | unary            | returns how many calls of Sleep were cancelled, as text |
//
//     peer.mjs server            prints "listening ADDRESS"
//     peer.mjs client ADDRESS    prints a line of JSON for each case: {"name", "failure"?}

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import process from "node:process";
import grpc from "@grpc/grpc-js";

const GZIP = { "grpc.default_compression_algorithm": 2 };

function method(name, requestStream, responseStream) {
  const asIs = (bytes) => Buffer.from(bytes);
  return {
    path: `/test.Kinds/${name}`,
    requestStream,
    responseStream,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  };
}

const SERVICE = {
  unary: method("Unary", false, false),
  collect: method("Collect", true, false),
  split: method("Split", false, true),
  echo: method("Echo", true, true),
  metadata: method("Metadata", false, false),
  fail: method("Fail", false, false),
  break: method("Break", false, true),
  sleep: method("Sleep", false, false),
  count: method("Count", false, false),
};

function serve() {
  let cancelled = 0;
  const server = new grpc.Server(GZIP);
  server.addService(SERVICE, {
    unary: (call, reply) => reply(null, call.request),
    collect(call, reply) {
      const parts = [];
      call.on("data", (part) => parts.push(part));
      call.on("end", () => reply(null, Buffer.concat(parts)));
    },
    split(call) {
      for (const byte of call.request) call.write(Buffer.from([byte]));
      call.end();
    },
    echo(call) {
      call.on("data", (message) => call.write(message));
      call.on("end", () => call.end());
    },
    metadata(call, reply) {
      const headers = new grpc.Metadata();
      const trailers = new grpc.Metadata();
      for (const key of Object.keys(call.metadata.getMap()).filter((one) => one.startsWith("x-"))) {
        for (const value of call.metadata.get(key)) {
          headers.add(key, value);
          trailers.add(`t${key}`, value);
        }
      }
      call.sendMetadata(headers);
      reply(null, call.request, trailers);
    },
    fail(call, reply) {
      const metadata = new grpc.Metadata();
      metadata.add("x-why", "because");
      metadata.add("x-why-bin", Buffer.from([0, 255]));
      reply({ code: call.request[0], details: call.request.subarray(1).toString(), metadata });
    },
    break(call) {
      call.write(call.request);
      call.emit("error", { code: grpc.status.DATA_LOSS, details: "broken" });
    },
    sleep: (call) => void call.on("cancelled", () => cancelled++),
    count: (_call, reply) => reply(null, Buffer.from(String(cancelled))),
  });
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    console.log(`listening 127.0.0.1:${port}`);
  });
}

/** The result of a call with one response: its message, headers, status; rejects with grpc-js's error. */
function unary(client, name, request, { metadata, options = {}, use } = {}) {
  return new Promise((resolve, reject) => {
    let headers;
    let message;
    const call = client[name](
      request,
      metadata ?? new grpc.Metadata(),
      options,
      (error, reply) => error ? reject(error) : message = reply,
    );
    call.on("metadata", (received) => headers = received);
    call.on(
      "status",
      (status) => message && resolve({ message, headers, trailers: status.metadata }),
    );
    use?.(call);
  });
}

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  assert.fail("The call did not fail");
}

async function messagesOf(call) {
  const messages = [];
  for await (const message of call) messages.push(message);
  return messages;
}

async function until(condition) {
  while (!await condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const cancelledCalls = async (client) =>
  Number((await unary(client, "count", Buffer.alloc(0))).message);

const CASES = {
  async "unary"(client) {
    for (const request of [Buffer.alloc(0), Buffer.from("hello")]) {
      const { message } = await unary(client, "unary", request);
      assert.ok(request.equals(message));
    }
  },
  async "unary, 3 MiB"(client) {
    const request = Buffer.alloc(3 << 20, "0123456789");
    assert.ok(request.equals((await unary(client, "unary", request)).message));
  },
  async "500 unary calls at once"(client) {
    const requests = Array.from({ length: 500 }, (_, i) => Buffer.from(`call ${i}`));
    const replies = await Promise.all(requests.map((request) => unary(client, "unary", request)));
    replies.forEach(({ message }, i) => assert.ok(requests[i].equals(message)));
  },
  async "client streaming"(client) {
    const message = await new Promise((resolve, reject) => {
      const call = client.collect((error, reply) => error ? reject(error) : resolve(reply));
      for (let i = 0; i < 100; i++) call.write(Buffer.from(`${i},`));
      call.end();
    });
    assert.equal(message.toString(), Array.from({ length: 100 }, (_, i) => `${i},`).join(""));
  },
  async "server streaming"(client) {
    const request = Buffer.alloc(1000).map((_, i) => i);
    assert.ok(request.equals(Buffer.concat(await messagesOf(client.split(request)))));
  },
  async "server streaming, no message"(client) {
    assert.deepEqual(await messagesOf(client.split(Buffer.alloc(0))), []);
  },
  async "bidirectional, in turns"(client) {
    const call = client.echo();
    for (let i = 0; i < 20; i++) {
      call.write(Buffer.from(`turn ${i}`));
      const message = await new Promise((resolve) => call.once("data", resolve));
      assert.equal(message.toString(), `turn ${i}`);
    }
    call.end();
    await new Promise((resolve) => call.on("end", resolve).resume());
  },
  async "bidirectional, 5 MiB"(client) {
    const call = client.echo();
    const part = Buffer.alloc(64 << 10, "x");
    const received = messagesOf(call);
    for (let i = 0; i < 80; i++) call.write(part);
    call.end();
    assert.equal(
      (await received).reduce((sum, message) => sum + message.length, 0),
      80 * part.length,
    );
  },
  async "metadata both ways, repeated and binary"(client) {
    const metadata = new grpc.Metadata();
    metadata.add("x-text", "one");
    metadata.add("x-text", "two");
    metadata.add("x-bytes-bin", Buffer.from([0, 1, 254, 255]));
    metadata.add("x-bytes-bin", Buffer.from([7]));
    const { headers, trailers } = await unary(client, "metadata", Buffer.alloc(1), { metadata });
    // Values of one key may come joined, as HTTP allows.
    const texts = (from, key) => from.get(key).flatMap((value) => value.split(/,\s*/));
    const bytes = (from, key) => from.get(key).map((value) => [...value]);
    assert.deepEqual(texts(headers, "x-text"), ["one", "two"]);
    assert.deepEqual(texts(trailers, "tx-text"), ["one", "two"]);
    assert.deepEqual(bytes(headers, "x-bytes-bin"), [[0, 1, 254, 255], [7]]);
    assert.deepEqual(bytes(trailers, "tx-bytes-bin"), [[0, 1, 254, 255], [7]]);
  },
  async "errors with text and trailers"(client) {
    for (const code of [1, 5, 9, 16]) {
      const text = `Nicht gefunden: 50 % — 世界 ${code}`;
      const error = await failure(
        unary(client, "fail", Buffer.concat([Buffer.from([code]), Buffer.from(text)])),
      );
      assert.equal(error.code, code);
      assert.equal(error.details, text);
      assert.deepEqual(error.metadata.get("x-why"), ["because"]);
      assert.deepEqual([...error.metadata.get("x-why-bin")[0]], [0, 255]);
    }
  },
  async "an error after a message"(client) {
    const messages = [];
    const call = client.break(Buffer.from("first"));
    const error = await failure((async () => {
      for await (const message of call) messages.push(message.toString());
    })());
    assert.deepEqual(messages, ["first"]);
    assert.equal(error.code, grpc.status.DATA_LOSS);
    assert.equal(error.details, "broken");
  },
  async "a method that isn't there"(client) {
    const missing = method("Missing", false, false);
    const error = await failure(
      new Promise((resolve, reject) =>
        client.makeUnaryRequest(
          missing.path,
          missing.requestSerialize,
          missing.responseDeserialize,
          Buffer.alloc(0),
          (error, reply) => error ? reject(error) : resolve(reply),
        )
      ),
    );
    assert.equal(error.code, grpc.status.UNIMPLEMENTED);
  },
  async "a deadline"(client) {
    const before = await cancelledCalls(client);
    const options = { deadline: Date.now() + 50 };
    const error = await failure(unary(client, "sleep", Buffer.alloc(0), { options }));
    assert.equal(error.code, grpc.status.DEADLINE_EXCEEDED);
    await until(async () => await cancelledCalls(client) === before + 1);
  },
  async "cancellation by the client"(client) {
    const before = await cancelledCalls(client);
    const error = await failure(
      unary(client, "sleep", Buffer.alloc(0), {
        use: (call) => setTimeout(() => call.cancel(), 20),
      }),
    );
    assert.equal(error.code, grpc.status.CANCELLED);
    await until(async () => await cancelledCalls(client) === before + 1);
  },
  async "cancellation in the middle of a stream"(client) {
    const call = client.echo();
    call.write(Buffer.from("one"));
    await new Promise((resolve) => call.once("data", resolve));
    const ended = new Promise((resolve) => call.on("error", resolve));
    call.cancel();
    assert.equal((await ended).code, grpc.status.CANCELLED);
  },
  async "a message over the receiver's limit"(client) {
    const error = await failure(unary(client, "unary", Buffer.alloc((4 << 20) + 1)));
    assert.equal(error.code, grpc.status.RESOURCE_EXHAUSTED);
  },
};

async function check(address) {
  const Client = grpc.makeGenericClientConstructor(SERVICE, "Kinds");
  const plain = new Client(address, grpc.credentials.createInsecure());
  const zipped = new Client(address, grpc.credentials.createInsecure(), GZIP);
  for (const [client, suffix] of [[plain, ""], [zipped, ", gzip"]]) {
    for (const [name, run] of Object.entries(CASES)) {
      let failure;
      try {
        await run(client);
      } catch (error) {
        failure = error.stack ?? String(error);
      }
      console.log(JSON.stringify({ name: name + suffix, failure }));
    }
    client.close();
  }
}

const [mode, address] = process.argv.slice(2);
if (mode === "server") serve();
else await check(address);
