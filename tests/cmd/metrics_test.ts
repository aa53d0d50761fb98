import assert from "node:assert/strict";
import { connect } from "../../mod.ts";
import { statusOf } from "../fixtures/raw_http.ts";
import { Processes } from "../fixtures/processes.ts";

const ECHO = "/vrpc.echo.v1.EchoService/Echo";

/** Sums the values of all lines with a name and labels. */
function sum(text: string, name: string, ...labels: string[]): number {
  return text.split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => labels.every((label) => line.includes(label)))
    .reduce((all, line) => all + Number(line.slice(line.lastIndexOf(" "))), 0);
}

for (
  const [program, args] of [
    ["server", ["--workers", "2"]],
    ["server", ["--workers", "1"]],
    ["enclave", []],
  ] as const
) {
  Deno.test(`${program} ${args.join(" ")} serves Prometheus metrics that count every call once`, async () => {
    await using processes = new Processes();
    const child = processes.program(program, [
      ...["--addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0", "--log-level", "error"],
      ...args,
    ]);
    const address = await child.address();
    const [, url] = await child.line(/^metrics (\S+)$/);
    // Any thread may accept a connection.
    for (let i = 0; i < 8; i++) {
      await using channel = connect(address, { wire: i % 2 === 0 ? "grpc" : "lean" });
      await channel.call(ECHO, new Uint8Array());
      await assert.rejects(channel.call(`/made.Up/Name${i}`, new Uint8Array()));
    }
    await using channel = connect(address);
    await channel.ready();
    const response = await fetch(url);
    assert.match(response.headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    const count = "grpc_server_call_duration_count";
    const method = 'grpc_method="vrpc.echo.v1.EchoService/Echo"';
    assert.equal(sum(text, count, method, 'grpc_status="OK"'), 8);
    assert.equal(sum(text, count, 'grpc_method="other"', 'grpc_status="UNIMPLEMENTED"'), 8);
    assert.ok(!text.includes("made.Up"));
    assert.equal(sum(text, "vrpc_server_connections_accepted"), 9);
    assert.ok(sum(text, "process_memory_usage") > 10e6);
    // Names are declared once for all threads.
    const types = text.split("\n").filter((line) => line.startsWith("# TYPE"));
    assert.equal(new Set(types).size, types.length);
    assert.equal(await statusOf(url, "evil.example"), 421);
    assert.equal(await statusOf(url, new URL(url).host, "http://evil.example"), 403);
    const elsewhere = await fetch(new URL("/", url));
    assert.equal(elsewhere.status, 404);
    await elsewhere.body?.cancel();
    child.kill("SIGTERM");
    assert.equal(await child.code(), 0);
  });
}
