import assert from "node:assert/strict";
import { join } from "node:path";
import { connect, serve } from "../../mod.ts";
import type * as grpc from "../../src/grpc_js/mod.ts";
import { loadProto } from "../../src/grpc_js/load_proto.ts";
import { addService, clientOf } from "../../src/grpc_js/native.ts";

const GREET = join(import.meta.dirname!, "../compat/grpc_js/generators/greet.proto");

Deno.test("services of .proto files are served and called in the native interface", async () => {
  const services = await loadProto(GREET, { defaults: true });
  assert.deepEqual(Object.keys(services), ["greet.v1.Greeter"]);
  const Greeter = services["greet.v1.Greeter"];
  await using server = await serve("127.0.0.1:0", (router) => {
    addService(router, Greeter, {
      sayHello(
        call: grpc.ServerUnaryCall<{ name: string; times: number }, unknown>,
        callback: grpc.sendUnaryData<unknown>,
      ) {
        callback(null, { message: `Hello ${call.request.name} ${call.request.times}` });
      },
    });
  });
  await using channel = connect(server.addresses[0]);
  const client = clientOf(channel, Greeter);
  assert.deepEqual(await client.SayHello({ name: "Ada" }), { message: "Hello Ada 0" });
});

Deno.test("loadProto rejects for a file that is missing", async () => {
  await assert.rejects(loadProto("absent.proto"), /absent\.proto/);
});
