/**
 * The story of an attested enclave, on a virtual machine with a `/dev/nsm` and real vsock.
 *
 *     deno task test:nitro                   the story
 *     deno task test:nitro --skip-missing    exit with 0 where the machine lacks what it needs
 *
 * Exits with 1 when a line fails, and with 2 when a program is missing that can't be installed.
 *
 * @module
 */

import { MissingError } from "../vsock/rig.ts";
import { prepare } from "./machine.ts";

const skipMissing = Deno.args.includes("--skip-missing");
try {
  await prepare();
} catch (error) {
  if (!(error instanceof MissingError)) throw error;
  console.error(error.message);
  if (skipMissing) console.log("0 passed, 0 failed, 1 skipped");
  Deno.exit(skipMissing ? 0 : 2);
}
const folder = await Deno.makeTempDir({ prefix: "vrpc-nitro-" });
let failed = 0;
let count = 0;
try {
  const start = performance.now();
  const { Enclave } = await import("../../tests/compat/nitro/rig.ts");
  const { STORY, tellStory } = await import("../../tests/compat/nitro/story.ts");
  count = STORY.length;
  await using enclave = await Enclave.build(folder);
  console.log(
    `${((performance.now() - start) / 1000).toFixed(2).padStart(6)} s  the image is built`,
  );
  failed = await tellStory(enclave, STORY);
} finally {
  await Deno.remove(folder, { recursive: true });
}
console.log(`${count - failed} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
