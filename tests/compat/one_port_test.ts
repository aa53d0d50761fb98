/** One server on one port: gRPC, gRPC-Web, Connect, lean and probes by HTTP/1.1 at the same time. */

import assert from "node:assert/strict";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { connect, serve } from "../../mod.ts";
import { EchoService } from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { addHealth, addReflection } from "../../src/services/mod.ts";
import { text } from "../fixtures/bytes.ts";

const ECHO = "vrpc.echo.v1.EchoService/Echo";

/** Path of grpcurl, which `deno task conformance` builds; undefined if it has not. */
async function grpcurl(): Promise<string | undefined> {
  const folder = `${Deno.env.get("HOME")}/.cache/vrpc/bin`;
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (name.includes("grpcurl")) return `${folder}/${name}/grpcurl`;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function output(command: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(command, { args }).output();
  const decoder = new TextDecoder();
  return decoder.decode(stdout) + decoder.decode(stderr);
}

Deno.test("one port: grpcurl, curl, gRPC-Web, Connect, lean and HTTP probes at the same time", async () => {
  await using server = await serve("127.0.0.1:0", (router) => {
    addReflection(router);
    const health = addHealth(router);
    router.service(EchoService, { echo: ({ payload }) => ({ payload }) });
    router.method("/time", { safe: true }, () => text("now"));
    router.method("/down", {}, () => {
      health.set("", "NOT_SERVING");
      return new Uint8Array();
    });
  }, { web: true });
  const address = server.addresses[0];
  const url = `http://${address}`;
  const program = await grpcurl();
  await using grpc = connect(address);
  await using lean = connect(address, { wire: "lean" });
  const options = { baseUrl: url, httpVersion: "1.1" } as const;
  const web = [createGrpcWebTransport(options), createConnectTransport(options)]
    .map((transport) => createClient(EchoService, transport));
  const payload = text("hi");
  const json = ["-H", "content-type: application/json", "-d", '{"payload": "aGk="}'];
  const round = async () => {
    const [viaGrpcurl, post, get, probe, ...replies] = await Promise.all([
      program && output(program, "-plaintext", "-d", '{"payload": "aGk="}', address, ECHO),
      output("curl", "-sS", ...json, `${url}/${ECHO}`),
      output("curl", "-sS", `${url}/time?connect=v1&encoding=proto&message=`),
      output("curl", "-sS", "-w", "%{http_code} %{http_version}", `${url}/healthz`),
      grpc.client(EchoService).echo({ payload }),
      lean.client(EchoService).echo({ payload }),
      ...web.map((client) => client.echo({ payload })),
    ]);
    if (viaGrpcurl !== undefined) assert.match(viaGrpcurl, /"payload": "aGk="/);
    assert.equal(post, '{"payload":"aGk="}');
    assert.equal(get, "now");
    assert.equal(probe, "SERVING\n200 1.1");
    for (const reply of replies) assert.deepEqual(reply.payload, payload);
  };
  for (let i = 0; i < 3; i++) await round();
  const { grpc: http2, lean: leans, http1, unknown } = server.stats().connections;
  assert.ok(http2 > 0 && leans === 1 && http1 > 0 && unknown === 0);
  await grpc.call("/down", new Uint8Array());
  const down = await fetch(`${url}/healthz`);
  assert.deepEqual([down.status, await down.text()], [503, "NOT_SERVING\n"]);
});
