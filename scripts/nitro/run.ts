/**
 * Runs a program in an emulated enclave until Ctrl-C, by default the enclave program, and prints how to reach it.
 *
 *     deno task enclave:emulated              cmd/enclave.ts
 *     deno task enclave:emulated server.ts    a program that serves on vsock:any:5000, and prints "listening"
 *
 * The enclave has a `/dev/nsm` whose documents have a root of their own, made anew each time.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { Enclave, PORTS } from "../../tests/compat/nitro/rig.ts";
import { MissingError } from "../vsock/rig.ts";
import { prepare } from "./machine.ts";

const program = resolve(Deno.args[0] ?? "cmd/enclave.ts");
try {
  await prepare();
} catch (error) {
  if (!(error instanceof MissingError)) throw error;
  console.error(error.message);
  Deno.exit(2);
}
const folder = await Deno.makeTempDir({ prefix: "vrpc-nitro-" });
try {
  await using enclave = await Enclave.build(folder, program);
  const root = join(folder, "root.der");
  await Deno.writeFile(root, enclave.root);
  await enclave.start();
  console.log(`image    ${enclave.image.eif}`);
  for (const [index, value] of Object.entries(enclave.pcrs)) {
    console.log(`PCR${index}     ${value}`);
  }
  console.log(`root     ${root}`);
  console.log(`address  ${enclave.address(PORTS.enclave)}`);
  await new Promise<void>((resolve) => Deno.addSignalListener("SIGINT", resolve));
} finally {
  await Deno.remove(folder, { recursive: true });
}
Deno.exit(0);
