// The adapter against grpc-js in both directions, and each against itself, with a service loaded by proto-loader.

import assert from "node:assert/strict";
import { join } from "node:path";
import * as theirs from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import * as ours from "../../../src/grpc_js/mod.ts";

const PROTO = `
syntax = "proto3";
package compat;
message Letter { string text = 1; int32 count = 2; }
service Letters {
  rpc Send(Letter) returns (Letter);
  rpc Gather(stream Letter) returns (Letter);
  rpc Scatter(Letter) returns (stream Letter);
  rpc Chat(stream Letter) returns (stream Letter);
}`;

interface Letter {
  text: string;
  count: number;
}

interface Call {
  readonly request: Letter;
  on(event: string, listener: (letter: Letter) => void): void;
  write(letter: Partial<Letter>): void;
  end(): void;
}

type Callback = (error: object | null, letter?: Partial<Letter>) => void;
type Library = typeof ours;

async function definition() {
  const folder = await Deno.makeTempDir();
  const file = join(folder, "letters.proto");
  await Deno.writeTextFile(file, PROTO);
  const loaded = loadSync(file, { defaults: true });
  await Deno.remove(folder, { recursive: true });
  return loaded;
}

const handlers = {
  send({ request }: Call, callback: Callback) {
    if (request.text === "fail") callback({ code: ours.status.ABORTED, details: "as asked: é" });
    else callback(null, { text: `${request.text}!` });
  },
  gather(call: Call, callback: Callback) {
    let count = 0;
    call.on("data", () => count++);
    call.on("end", () => callback(null, { count }));
  },
  scatter(call: Call) {
    for (let count = 1; count <= call.request.count; count++) call.write({ count });
    call.end();
  },
  chat(call: Call) {
    call.on("data", ({ text }) => call.write({ text }));
    call.on("end", () => call.end());
  },
};

function read(call: Call): Promise<Letter[]> {
  const letters: Letter[] = [];
  call.on("data", (letter) => letters.push(letter));
  return new Promise((resolve, reject) => {
    call.on("end", () => resolve(letters));
    call.on("error", reject as never);
  });
}

function reply(make: (callback: Callback) => void): Promise<Partial<Letter>> {
  return new Promise((resolve, reject) => {
    make((error, letter) => {
      if (error) reject(error);
      else resolve(letter!);
    });
  });
}

/** The two libraries have the same interface, but classes of their own. */
const LIBRARIES: Record<string, Library> = {
  adapter: ours,
  "grpc-js": theirs as unknown as Library,
};

for (const [serverName, serverLibrary] of Object.entries(LIBRARIES)) {
  for (const [clientName, clientLibrary] of Object.entries(LIBRARIES)) {
    Deno.test(`proto-loader: a client of ${clientName} on a server of ${serverName}`, async () => {
      const loaded = await definition() as ours.PackageDefinition;
      const server = new serverLibrary.Server();
      server.addService(loaded["compat.Letters"] as ours.ServiceDefinition, handlers as never);
      const port = await new Promise<number>((resolve, reject) => {
        const credentials = serverLibrary.ServerCredentials.createInsecure();
        server.bindAsync("localhost:0", credentials, (error, port) => {
          if (error) reject(error);
          else resolve(port);
        });
      });
      const { Letters } = clientLibrary.loadPackageDefinition(loaded).compat as ours.GrpcObject;
      const client = new (Letters as ours.ServiceClientConstructor)(
        `localhost:${port}`,
        clientLibrary.credentials.createInsecure(),
      );
      try {
        const sent = await reply((callback) => client.send({ text: "a" }, callback));
        assert.equal(sent.text, "a!");
        await assert.rejects(reply((callback) => client.send({ text: "fail" }, callback)), {
          message: "10 ABORTED: as asked: é",
          code: ours.status.ABORTED,
          details: "as asked: é",
        });
        const gathered = await reply((callback) => {
          const call: Call = client.gather(callback);
          for (let i = 0; i < 5; i++) call.write({ text: "x" });
          call.end();
        });
        assert.equal(gathered.count, 5);
        const scattered = await read(client.scatter({ count: 50 }));
        assert.deepEqual(
          scattered.map(({ count }) => count),
          Array.from({ length: 50 }, (_, i) => i + 1),
        );
        const chat: Call = client.chat();
        const echoed = read(chat);
        chat.write({ text: "x" });
        chat.write({ text: "y" });
        chat.end();
        assert.deepEqual((await echoed).map(({ text }) => text), ["x", "y"]);
      } finally {
        client.close();
        await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      }
    });
  }
}
