import assert from "node:assert/strict";
import { join } from "node:path";
import { AttestationError, nitro } from "../../src/attestation/mod.ts";
import { openNsm } from "../../src/attestation/nsm_device.ts";

const unavailable = (message: RegExp) => (error: unknown) =>
  error instanceof AttestationError && error.reason === "unavailable" &&
  message.test(error.message);

Deno.test("nitro() says that there is no device", () => {
  assert.throws(
    () => nitro({ device: "/nowhere/nsm" }),
    unavailable(
      /^Cannot use \/nowhere\/nsm: there is no such device \(ENOENT\); it is the device of a Nitro Enclave$/,
    ),
  );
});

Deno.test({
  name: "a device with another driver is refused, and requests over 4 KiB are not made",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const device = openNsm("/dev/null");
    await assert.rejects(device.request(new Uint8Array(4)), unavailable(/refused the request/));
    await assert.rejects(device.request(new Uint8Array(4_097)), unavailable(/4097 bytes/));
  },
});

Deno.test({
  name: "at most 128 requests wait for the device",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const device = openNsm("/dev/null");
    const all = await Promise.allSettled(
      Array.from({ length: 130 }, () => device.request(new Uint8Array(1))),
    );
    const reasons = all.map((one) => (one as PromiseRejectedResult).reason.reason);
    assert.deepEqual(reasons, [...Array(128).fill("unavailable"), "busy", "busy"]);
  },
});

Deno.test("without the permission for FFI, nitro() says how to give it", async () => {
  const module = new URL("../../src/attestation/mod.ts", import.meta.url).href;
  const program = join(await Deno.makeTempDir(), "main.ts");
  await Deno.writeTextFile(program, `import { nitro } from "${module}"; nitro();`);
  try {
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--config", config, program],
      env: { NO_COLOR: "1" },
    }).output();
    assert.equal(code, 1);
    assert.match(
      new TextDecoder().decode(stderr),
      /Cannot use \/dev\/nsm: FFI is not permitted; run with --allow-ffi/,
    );
  } finally {
    await Deno.remove(join(program, ".."), { recursive: true });
  }
});
