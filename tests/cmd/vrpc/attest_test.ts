import assert from "node:assert/strict";
import { join } from "node:path";
import { serve } from "../../../mod.ts";
import { measureEif, readNitroDocument } from "../../../src/attestation/mod.ts";
import { imageFile } from "../../fixtures/eif.ts";
import { EmulatedNsm, PCRS } from "../../fixtures/emulated_nsm.ts";
import { DEBUG_2024, PRODUCTION_2025 } from "../../fixtures/nitro_documents.ts";
import { runProgram } from "../../fixtures/run_program.ts";

const vrpc = (...args: string[]) => runProgram("cmd/vrpc.ts", args);

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("vrpc attest verify shows a document, and why it is or is not good", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "document.bin");
    await Deno.writeFile(path, PRODUCTION_2025);
    const { pcrs } = readNitroDocument(PRODUCTION_2025).claims;
    const at = ["--at", "2025-04-15T15:38:57.935Z"];
    const good = await vrpc("attest", "verify", path, "--pcr0", pcrs[0], "--pcr4", pcrs[4], ...at);
    assert.equal(good.code, 0, good.stderr);
    assert.match(good.stdout, /^module {6}i-00d494a46f4f3c091-enc019639f5c00f6e0c$/m);
    assert.match(good.stdout, new RegExp(`^PCR0 {8}${pcrs[0]}$`, "m"));
    assert.match(good.stdout, /^chain 0 {5}C=US, O=Amazon, OU=AWS, CN=aws.nitro-enclaves$/m);
    assert.match(good.stdout, /^user_data {3}none$/m);
    assert.match(good.stdout, /^good at 2025-04-15T15:38:57.935Z\n$/m);
    const old = await vrpc("attest", "verify", path, "--pcr0", pcrs[0]);
    assert.equal(old.code, 1);
    assert.match(old.stdout, /^not good \(expired\): .* was valid until 20/m);
    const other = await vrpc("attest", "verify", path, "--pcr0", "ab".repeat(48), ...at);
    assert.equal(other.code, 1);
    assert.match(other.stdout, /^not good \(pcrs\): PCR0 is /m);
    await Deno.writeFile(path, DEBUG_2024);
    const debug = await vrpc("attest", "verify", path, "--pcr0", pcrs[0], ...at);
    assert.match(debug.stdout, /^not good \((debug|expired|not_yet_valid)\)/m);
    await Deno.writeTextFile(path, "hello");
    const none = await vrpc("attest", "verify", path, "--pcr0", pcrs[0]);
    assert.equal(none.code, 1);
    assert.match(none.stdout, /^not good \(malformed\): /);
  });
});

Deno.test("vrpc attest refuses wrong arguments with code 2", async () => {
  for (
    const args of [
      ["attest"],
      ["attest", "verify"],
      ["attest", "verify", "/nowhere", "--pcr0", "ab".repeat(48)],
      ["attest", "verify", "cmd/vrpc.ts"],
      ["attest", "verify", "cmd/vrpc.ts", "--pcr0", "ab"],
      ["attest", "verify", "cmd/vrpc.ts", "--pcr0", "ab".repeat(48), "--at", "noon"],
      ["pcrs", "/nowhere"],
    ]
  ) {
    const { code, stdout, stderr } = await vrpc(...args);
    assert.equal(code, 2, `${args}: ${stdout}${stderr}`);
  }
});

Deno.test("vrpc attest fetch asks a server for its document", async () => {
  const nsm = await EmulatedNsm.create();
  await using server = await serve("127.0.0.1:0", () => {}, { attestation: nsm });
  await inFolder(async (folder) => {
    const root = join(folder, "root.der");
    await Deno.writeFile(root, nsm.root);
    for (const wire of ["grpc", "lean"]) {
      const out = join(folder, wire);
      const args = ["attest", "fetch", server.addresses[0], "--wire", wire, "--root", root];
      const good = await vrpc(...args, "--pcr0", PCRS[0], "--out", out);
      assert.equal(good.code, 0, good.stdout + good.stderr);
      assert.match(good.stdout, /^good at this time$/m);
      assert.equal(readNitroDocument(await Deno.readFile(out)).claims.moduleId, nsm.moduleId);
      const other = await vrpc(...args, "--pcr0", "ab".repeat(48));
      assert.equal(other.code, 1);
      assert.match(other.stdout, /^not good \(pcrs\)/m);
    }
  });
});

Deno.test("vrpc pcrs prints the measurements of an image", async () => {
  await inFolder(async (folder) => {
    const image = imageFile([1, 2, 3, 3].map((type) => [type, new Uint8Array(type).fill(type)]));
    const path = join(folder, "enclave.eif");
    await Deno.writeFile(path, image);
    const { code, stdout } = await vrpc("pcrs", path);
    const read = (offset: number, length: number) =>
      Promise.resolve(image.slice(offset, offset + length));
    const pcrs = await measureEif({ size: image.length, read });
    assert.equal(code, 0);
    assert.equal(stdout, `PCR0 ${pcrs[0]}\nPCR1 ${pcrs[1]}\nPCR2 ${pcrs[2]}\n`);
  });
});
