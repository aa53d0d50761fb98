/**
 * Tests on real AF_VSOCK sockets, in a virtual machine.
 *
 *     deno task test:vsock            everything
 *     deno task test:vsock guest      in the guest, over CID 1: the suites of transport and call tests
 *     deno task test:vsock parity     in the guest: call rates over vsock and TCP loopback
 *     deno task test:vsock host       guest to host and host to guest, by a virtio-vsock device
 *
 * Exits with 1 when a test fails, and with 2 when a program is missing that can't be installed.
 *
 * @module
 */

import { join } from "node:path";
import { boot, bundle, initrd, MissingError, prepare, vhostDevice } from "./rig.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const STAGES: Record<string, (folder: string) => Promise<boolean>> = { guest, parity, host };

const FLAGS = "--no-check --unstable-vsock --unstable-net -A";

async function inGuest(
  folder: string,
  files: Record<string, string>,
  timeoutMs: number,
): Promise<boolean> {
  const image = join(folder, "initrd");
  await initrd(files, image);
  const guest = await boot({ initrd: image, folder, timeoutMs });
  return await guest.done === 0;
}

async function guest(folder: string): Promise<boolean> {
  return await inGuest(folder, {
    "guest_test.js": await bundle("tests/compat/vsock/guest_test.ts"),
    "run.sh": `VRPC_TEST_VSOCK=1 timeout 400 deno test --filter vsock ${FLAGS} guest_test.js\n`,
  }, 460_000);
}

async function parity(folder: string): Promise<boolean> {
  return await inGuest(folder, {
    "parity.js": await bundle("tests/compat/vsock/parity.ts"),
    "run.sh": `timeout 120 deno run ${FLAGS} parity.js\n`,
  }, 180_000);
}

async function host(folder: string): Promise<boolean> {
  const program = await vhostDevice();
  const socket = join(folder, "device.socket");
  const hvsock = join(folder, "guest.vsock");
  const image = join(folder, "initrd");
  await initrd({
    "guest.js": await bundle("tests/compat/vsock/guest.ts"),
    "run.sh": `timeout 150 deno run ${FLAGS} guest.js\n`,
  }, image);
  const device = new Deno.Command(program, {
    args: ["--vm", `guest-cid=3,socket=${socket},uds-path=${hvsock}`],
    env: { RUST_LOG: "error" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    await appears(socket);
    const tests = new Deno.Command(Deno.execPath(), {
      args: ["run", ...FLAGS.split(" "), join(ROOT, "tests/compat/vsock/host.ts")],
      env: { VRPC_HVSOCK: hvsock },
      cwd: ROOT,
      stdin: "null",
    }).spawn();
    await appears(`${hvsock}_6000`);
    const guest = await boot({ initrd: image, folder, vsockSocket: socket, timeoutMs: 180_000 });
    // The first failure ends both.
    const status = tests.status.then((s) => {
      if (!s.success) guest.kill();
      return s.success;
    });
    const guestCode = await guest.done;
    if (guestCode !== 0) {
      console.error(`The guest ended with ${guestCode}`);
      try {
        tests.kill("SIGKILL");
      } catch { /* it has ended */ }
    }
    return await status && guestCode === 0;
  } finally {
    try {
      device.kill("SIGKILL");
    } catch { /* it has ended */ }
    await device.status;
  }
}

async function appears(path: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await Deno.stat(path).then(() => true, () => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${path} did not appear in 10 s`);
}

const chosen = Deno.args.length === 0 ? Object.keys(STAGES) : Deno.args;
for (const name of chosen) {
  if (STAGES[name] !== undefined) continue;
  console.error(`Unknown stage ${name}, must be one of ${Object.keys(STAGES).join(", ")}`);
  Deno.exit(2);
}
let passed = 0;
try {
  await prepare();
  for (const name of chosen) {
    const folder = await Deno.makeTempDir({ prefix: "vrpc-vsock-" });
    const start = performance.now();
    try {
      console.log(`== ${name}`);
      const ok = await STAGES[name](folder);
      if (ok) passed++;
      console.log(
        `== ${name}: ${ok ? "ok" : "FAILED"}, ${((performance.now() - start) / 1000).toFixed(1)} s`,
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
} catch (error) {
  console.error((error as Error).message);
  Deno.exit(error instanceof MissingError ? 2 : 1);
}
console.log(`${passed} passed, ${chosen.length - passed} failed`);
if (passed < chosen.length) Deno.exit(1);
