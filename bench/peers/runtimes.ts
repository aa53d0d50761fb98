/**
 * This project on Node and Bun, and its adapter for grpc-js: built as the tests of those runtimes are.
 *
 * @module
 */

import { join } from "node:path";
import { build } from "../../scripts/runtimes/build.ts";
import { programOf } from "../../scripts/runtimes/programs.ts";
import type { RuntimeName } from "../../scripts/runtimes/skips.ts";
import { clientsOf, type Peer } from "./peer.ts";
import { HERE, run } from "./tools.ts";

const ROOT = join(HERE, "../..");
const FOLDER = join(ROOT, "build/peers-runtimes");
const SHOWN = { node: "Node", bun: "Bun" };

let building: Promise<unknown> | undefined;
const built = () => building ??= build(FOLDER);

/** Returns the program of a runtime, and its name with the version. */
async function runtime(name: RuntimeName, version?: string) {
  const program = await programOf(name, version);
  const shown = (await run([program, "--version"])).trim().replace("v", "");
  return { program, shown: `${SHOWN[name]} ${shown}` };
}

/** This project on Node or Bun, with their own flags of V8. */
export async function oursOn(name: RuntimeName, version?: string): Promise<Peer> {
  await built();
  const { program, shown } = await runtime(name, version);
  const started = [program, join(FOLDER, "scripts/runtimes/host/run_program.js")];
  return {
    name: `vrpc, ${shown}`,
    version: shown,
    ours: true,
    protocols: ["grpc", "connect"],
    server: [...started, join(FOLDER, "bench/peers/server.js"), "--addr", "127.0.0.1:0"],
    clients: clientsOf([...started, join(FOLDER, "bench/peers/client.js")]),
  };
}

/** grpc-js itself on another runtime. */
export async function grpcJsOn(
  name: RuntimeName,
  version: string | undefined,
  library: { program: string; version: string },
): Promise<Peer> {
  const { program, shown } = await runtime(name, version);
  return {
    name: `grpc-js, ${shown}`,
    version: `grpc-js ${library.version}, ${shown}`,
    ours: false,
    protocols: ["grpc"],
    server: [program, library.program, "server", "127.0.0.1:0"],
    clients: clientsOf([program, library.program]),
  };
}

/** Copies the program of grpc-js with the adapter in the place of the library; returns its path. */
async function adapterProgram(folder: string, adapter: string): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  for (const file of ["echo.proto", "orders.proto"]) {
    await Deno.copyFile(join(HERE, file), join(folder, file));
  }
  const text = await Deno.readTextFile(join(HERE, "grpc_js/peer.mjs"));
  const program = join(folder, "peer.mjs");
  const ours = `import * as grpc from ${JSON.stringify(adapter)};`;
  await Deno.writeTextFile(program, text.replace('import grpc from "@grpc/grpc-js";', ours));
  return program;
}

/** The program of grpc-js on the adapter, on the Node on the PATH. */
export async function adapterOnNode(): Promise<Peer> {
  await built();
  const { program, shown } = await runtime("node");
  const peer = await adapterProgram(join(FOLDER, "peer"), "../src/grpc_js/mod.js");
  return adapterPeer(`adapter, ${shown}`, [program, peer]);
}

/** The program of grpc-js on the adapter, on Deno. */
export async function adapterOnDeno(): Promise<Peer> {
  const folder = join(ROOT, "build/peers-adapter");
  const peer = await adapterProgram(folder, "../../src/grpc_js/mod.ts");
  return adapterPeer("adapter, Deno", [Deno.execPath(), "run", "-A", "--no-check", peer]);
}

const adapterPeer = (name: string, command: string[]): Peer => ({
  name,
  version: name,
  ours: false,
  protocols: ["grpc"],
  server: [...command, "server", "127.0.0.1:0"],
  clients: clientsOf(command),
});
