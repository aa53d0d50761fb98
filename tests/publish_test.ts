// What is published has to work alone: without our deno.json, and without files that aren't published.

import assert from "node:assert/strict";
import { join } from "node:path";
import { deno, makeProject, ROOT } from "./documentation/published.ts";

const USES_IT = `
import { connect, RpcError, serve } from "@vrpc/vrpc";
import { addCrypto, addEcho } from "@vrpc/vrpc/services";
import { dial } from "@vrpc/vrpc/transport";
import { selfSigned } from "@vrpc/vrpc/certs";

const { cert, key } = await selfSigned();
for (const wire of ["grpc", "lean"] as const) {
  await using server = await serve("127.0.0.1:0", (router) => {
    addEcho(router);
    addCrypto(router);
    router.method("/twice", {}, (request) => new Uint8Array([...request, ...request]));
  }, { tls: { cert, key } });
  await using channel = connect(server.addresses[0], {
    wire,
    tls: { ca: cert, serverName: "localhost" },
  });
  console.log(wire, (await channel.call("/twice", new Uint8Array(3))).length);
}

const failures = {
  reusePort: () => serve("127.0.0.1:0", () => {}, { reusePort: true }),
  vsockListen: () => serve("vsock:any:5000", () => {}),
  vsockDial: () => dial("vsock:2:5000"),
};
for (const [name, run] of Object.entries(failures)) {
  await run().then(
    () => console.log(name, "worked"),
    (error: Error) => console.log(name, error.name, error.message),
  );
}
console.log("end", RpcError.name);
`;

const { name, version } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
const CLI_URL = `jsr:${name}@^${version}/cli`;
const CLI: readonly (readonly [args: string[], expected: RegExp])[] = [
  [[CLI_URL, "--version"], /^vrpc \d+\.\d+\.\d+ \(Deno /],
  [[CLI_URL, "call", "--help"], /^Usage: vrpc call /],
  [[CLI_URL, "serve", "--help"], /--addr <address>/],
  [["--unstable-raw-imports", CLI_URL, "bench", "--help"], /--preset/],
];

Deno.test("a project with the published files alone serves and connects, and is told of missing flags", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const files = await makeProject(directory, ["@bufbuild/protobuf"]);
    assert.ok(files.includes("mod.ts") && files.includes("README.md"));
    assert.deepEqual(files.filter((file) => /^(tests|bench|scripts|examples)\//.test(file)), []);
    await Deno.writeTextFile(join(directory, "main.ts"), USES_IT);
    const { code, out, err } = await deno(
      ["run", "--quiet", "-A", "--check", "main.ts"],
      directory,
    );
    assert.equal(code, 0, err);
    const lines = out.trimEnd().split("\n");
    assert.deepEqual(lines.slice(0, 2), ["grpc 6", "lean 6"]);
    assert.match(lines[2], /^reusePort TransportError .*--unstable-net/);
    assert.match(lines[3], /^vsockListen TransportError .*--unstable-vsock/);
    assert.match(lines[4], /^vsockDial TransportError .*--unstable-vsock/);
    assert.equal(lines[5], "end RpcError");
    // The programs, as `deno run -A jsr:@vrpc/vrpc/cli` finds them.
    for (const [args, expected] of CLI) {
      const { code, out, err } = await deno(["run", "--quiet", "-A", ...args], directory);
      assert.equal(code, 0, err);
      assert.match(out, expected);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
