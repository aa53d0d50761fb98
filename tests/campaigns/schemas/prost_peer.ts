// A program with prost's code for given types, as a subprocess; see prost/src/main.rs for the frames.

import { join } from "node:path";
import { equal } from "./comparing.ts";
import { FramedProcess } from "./framed_process.ts";

const FOLDER = join(import.meta.dirname!, "prost");
const CACHE = join(import.meta.dirname!, "../../../.cache/prost");

/** Talks to one subprocess. */
export class Prost implements AsyncDisposable {
  readonly #process: FramedProcess;

  private constructor(process: FramedProcess) {
    this.#process = process;
  }

  /** Builds the program for the types of a FileDescriptorSet, with cargo, and starts it. */
  static async build(set: Uint8Array): Promise<Prost> {
    await Deno.mkdir(CACHE, { recursive: true });
    const types = join(CACHE, "types.binpb");
    // cargo builds again what was written again.
    if (!equal(await Deno.readFile(types).catch(() => undefined), set)) {
      await Deno.writeFile(types, set);
    }
    const { success } = await new Deno.Command("cargo", {
      args: ["build", "--quiet", "-j1"],
      cwd: FOLDER,
      env: { CARGO_TARGET_DIR: CACHE, PROST_TYPES: types },
      stderr: "inherit",
    }).output();
    if (!success) throw new Error("cargo failed to build the types of prost");
    return new Prost(new FramedProcess(join(CACHE, "debug/prost_peer")));
  }

  /** Decodes a message of the type `random.tN.M0` and encodes it again; undefined when prost rejects it. */
  async again(number: number, data: Uint8Array): Promise<Uint8Array | undefined> {
    const head = new Uint8Array(4);
    new DataView(head.buffer).setUint32(0, number, true);
    const answer = await this.#process.ask(head, data);
    return answer[0] === 0x41 ? answer.subarray(1) : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
