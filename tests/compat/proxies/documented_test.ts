import assert from "node:assert/strict";
import {
  type Channel,
  type ChannelOptions,
  connect,
  type RpcError,
  serve,
  Status,
} from "../../../mod.ts";
import { CASES } from "../interop/cases.ts";
import { addTestService } from "../interop/service.ts";
import { startEnvoyWith } from "../transcoding/doors.ts";
import { cachedTools } from "../transcoding/tools.ts";
import { configOf, FILES_OF } from "./documented.ts";
import { findProgram, freePort, startProxy } from "./proxy.ts";

const PAGE = "docs/deployment.md";

const UNARY = ["empty_unary", "large_unary", "status_code_and_message", "special_status_message"];
const WEB = [...UNARY, "server_streaming", "client_streaming"];

async function runCases(
  t: Deno.TestContext,
  names: readonly string[],
  channel: Channel,
  what: string,
) {
  for (const name of names) await t.step(`${what}: ${name}`, () => CASES[name](channel));
}

const web: Record<string, ChannelOptions> = {
  Connect: { wire: "connect", httpVersion: "1.1" },
  "gRPC-Web": { wire: "grpc-web", httpVersion: "1.1" },
};

for (const [name, filesOf] of Object.entries(FILES_OF)) {
  const program = findProgram(name);
  const why = program === undefined ? ` (skipped: ${name} is not installed)` : "";
  Deno.test({
    name: `${name} as docs/deployment.md has it carries gRPC, Connect and gRPC-Web${why}`,
    ignore: program === undefined,
    async fn(t) {
      let waiting = Promise.withResolvers<{ ended: Promise<unknown> }>();
      await using server = await serve("127.0.0.1:0", (router) => {
        addTestService(router);
        router.method("/wait", {}, async (message, { signal }) => {
          const { promise, resolve } = Promise.withResolvers<unknown>();
          signal.addEventListener("abort", () => resolve(signal.reason));
          waiting.resolve({ ended: promise });
          await promise;
          return message;
        });
      }, {
        // haproxy passes on the Host that its clients sent.
        web: { allowedHosts: ["127.0.0.1"] },
      });
      const second = freePort();
      const files = (port: number, backend: string) =>
        filesOf(configOf(PAGE, name, {
          "127.0.0.1:50051": backend,
          "127.0.0.1:8080": `127.0.0.1:${port}`,
          "127.0.0.1:8081": `127.0.0.1:${second}`,
        }));
      await using proxy = await startProxy(program!, files, server.addresses[0]);
      await using channel = connect(proxy.address);
      await runCases(t, [...WEB, "ping_pong"], channel, "gRPC");
      for (const [what, options] of Object.entries(web)) {
        await using channel = connect(`127.0.0.1:${second}`, options);
        await runCases(t, WEB, channel, `${what}, HTTP/1.1`);
        await t.step(`${what}, HTTP/1.1: a cancelled call ends on the server`, async () => {
          waiting = Promise.withResolvers();
          const controller = new AbortController();
          const { signal } = controller;
          const call = channel.call("/wait", new Uint8Array(1), { signal });
          const { ended } = await waiting.promise;
          controller.abort();
          await assert.rejects(call);
          assert.equal((await ended as RpcError).code, Status.CANCELLED);
        });
      }
    },
  });
}

const { envoy } = cachedTools();

/** Sends a call of gRPC-Web; returns status, media type, body, and its trailers in order of their names. */
async function callWeb(address: string, method: string, body: Uint8Array<ArrayBuffer>) {
  const response = await fetch(`http://${address}/grpc.testing.TestService/${method}`, {
    method: "POST",
    headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" },
    body,
  });
  const bytes = await response.bytes();
  const frames: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at + 1);
    const content = bytes.subarray(at + 5, at + 5 + length);
    const isTrailer = (bytes[at] & 0x80) !== 0;
    frames.push(isTrailer ? trailersOf(content) : content.toHex());
    at += 5 + length;
  }
  // A response without messages may have its trailers in the header section.
  const status = response.headers.get("grpc-status");
  if (status !== null) frames.push(`grpc-status:${status}`);
  return { status: response.status, type: response.headers.get("content-type"), frames };
}

function trailersOf(content: Uint8Array): string {
  const lines = new TextDecoder().decode(content).trim().split("\r\n");
  return lines.map((line) => line.replace(/:\s*/, ":")).filter((line) =>
    line.startsWith("grpc-status")
  )
    .join();
}

Deno.test({
  name: `gRPC-Web through Envoy as docs/deployment.md has it equals gRPC-Web directly${
    envoy === undefined ? " (skipped: run deno task test:transcoding once)" : ""
  }`,
  ignore: envoy === undefined,
  async fn(t) {
    await using server = await serve("127.0.0.1:0", addTestService, { web: true });
    const [backend] = server.addresses;
    const port = freePort();
    const config = configOf(PAGE, "yaml", {
      "port_value: 50051": `port_value: ${backend.split(":")[1]}`,
      "port_value: 8080": `port_value: ${port}`,
    });
    const stop = await startEnvoyWith(envoy!, config, port);
    try {
      const address = `127.0.0.1:${port}`;
      await using channel = connect(address, { wire: "grpc-web" });
      await runCases(t, WEB.filter((name) => name !== "client_streaming"), channel, "gRPC-Web");
      const frame = (hex: string) => {
        const message = Uint8Array.fromHex(hex);
        return new Uint8Array([0, 0, 0, 0, message.length, ...message]);
      };
      await t.step("bytes of responses", async () => {
        for (
          const [method, body] of [
            ["EmptyCall", frame("")],
            // response_size 3
            ["UnaryCall", frame("1003")],
            // response_status { code: 5 }
            ["UnaryCall", frame("3a020805")],
            // response_parameters { size: 1 }, { size: 2 }
            ["StreamingOutputCall", frame("12020801120208021a00")],
            ["Nothing", frame("")],
          ] as const
        ) {
          const direct = await callWeb(backend, method, body);
          assert.deepEqual(await callWeb(address, method, body), direct, method);
        }
      });
    } finally {
      await stop();
    }
  },
});
