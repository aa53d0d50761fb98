/** The host program behind nginx and haproxy, with the configurations of docs/gateway.md. */

import assert from "node:assert/strict";
import { type Router, type RpcError, serve, Status } from "../../../mod.ts";
import { TestService } from "../../../proto/gen/grpc/testing/testing_pb.ts";
import { addReflection } from "../../../src/services/mod.ts";
import { Processes } from "../../fixtures/processes.ts";
import { statusOf } from "../../fixtures/raw_http.ts";
import { configOf, FILES_OF } from "./documented.ts";
import { findProgram, startProxy } from "./proxy.ts";

const MIB = 1_048_576;
const PATH = "/grpc.testing.TestService";
const JSON_TYPE = { "content-type": "application/json" };

/** Adds a service whose stream sends its second reply once `proceed` of the result is called. */
function addService(router: Router) {
  let gate = Promise.withResolvers<void>();
  const cancelled = Promise.withResolvers<unknown>();
  addReflection(router);
  router.service(TestService, {
    unaryCall: ({ payload }) => ({ payload }),
    async *streamingOutputCall(_request, { signal }) {
      const { promise, resolve } = gate = Promise.withResolvers<void>();
      signal.addEventListener("abort", () => (resolve(), cancelled.resolve(signal.reason)));
      yield { payload: { body: Uint8Array.of(1) } };
      await promise;
      yield { payload: { body: Uint8Array.of(2) } };
    },
  });
  return { proceed: () => gate.resolve(), cancelled: cancelled.promise };
}

/** Reads a response until it contains `part`. */
async function readUntil(
  reader: ReadableStreamDefaultReader<string>,
  part: string,
): Promise<string> {
  for (let text = "";;) {
    if (text.includes(part)) return text;
    const { value, done } = await reader.read();
    assert.ok(!done, `The response ended without ${part}: ${text}`);
    text += value;
  }
}

for (const [name, filesOf] of Object.entries(FILES_OF)) {
  const program = findProgram(name);
  const why = program === undefined ? ` (skipped: ${name} is not installed)` : "";
  Deno.test({
    name: `the host works behind ${name} as docs/gateway.md has it${why}`,
    ignore: program === undefined,
    async fn(t) {
      let control: ReturnType<typeof addService>;
      await using server = await serve("127.0.0.1:0", (router) => {
        control = addService(router);
      });
      const { proceed, cancelled } = control!;
      await using processes = new Processes();
      const host = processes.program("host", [
        ...["--addr", "127.0.0.1:0", "--enclave", server.addresses[0], "--log-level", "error"],
        ...["--allow-host", "api.example", "--allow-host", "127.0.0.1"],
      ]);
      const backend = (await host.address()).replace("http://", "");
      await using proxy = await startProxy(
        program!,
        (port) =>
          filesOf(configOf("docs/gateway.md", name, {
            "127.0.0.1:1323": backend,
            "127.0.0.1:8080": `127.0.0.1:${port}`,
          })),
        backend,
      );
      const url = `http://${proxy.address}`;
      const post = (method: string, body: string, more: RequestInit = {}) =>
        fetch(`${url}${PATH}/${method}`, { method: "POST", headers: JSON_TYPE, body, ...more });

      await t.step("unary calls, with bodies of 3 MiB", async () => {
        for (const bytes of [3, 2 * MIB]) {
          const body = new Uint8Array(bytes).toBase64();
          const response = await post("UnaryCall", JSON.stringify({ payload: { body } }));
          assert.equal(response.status, 200);
          assert.deepEqual(await response.json(), { payload: { body } });
        }
      });
      await t.step("larger bodies are answered 413", async () => {
        const response = await post("UnaryCall", " ".repeat(5 * MIB));
        assert.equal(response.status, 413);
        await response.body?.cancel();
      });
      for (
        const [format, accept, end] of [
          ["JSON lines", "application/json", "Ag=="],
          ["Server-Sent Events", "text/event-stream", "event: end"],
        ]
      ) {
        await t.step(`a stream as ${format}, each reply as it comes`, async () => {
          const headers = { ...JSON_TYPE, accept };
          const response = await post("StreamingOutputCall", "{}", { headers });
          const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
          assert.ok(!(await readUntil(reader, "AQ==")).includes("Ag=="));
          proceed();
          await readUntil(reader, end);
          await reader.cancel();
        });
      }
      await t.step("a client that goes away cancels the call", async () => {
        const controller = new AbortController();
        const { signal } = controller;
        const response = await post("StreamingOutputCall", "{}", { signal });
        const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
        await readUntil(reader, "AQ==");
        controller.abort();
        await assert.rejects(reader.read());
        assert.equal((await cancelled as RpcError).code, Status.CANCELLED);
      });
      await t.step("names of the proxy are served, others are not", async () => {
        assert.equal(await statusOf(`${url}/healthz`, "api.example"), 200);
        assert.equal(await statusOf(`${url}/healthz`, "api.example:443"), 200);
        assert.equal(await statusOf(`${url}/`, "api.example", "https://api.example"), 200);
        assert.equal(await statusOf(`${url}/`, "evil.example"), 421);
        assert.equal(await statusOf(`${url}/`, "api.example", "https://evil.example"), 403);
      });
      await t.step("the description and the page", async () => {
        const description = await (await fetch(`${url}/openapi.json`)).json();
        assert.ok(`${PATH}/UnaryCall` in description.paths);
        const page = await fetch(url);
        assert.match(page.headers.get("content-security-policy")!, /script-src 'sha256-/);
        assert.match(await page.text(), /^<!doctype html>/i);
      });
    },
  });
}
