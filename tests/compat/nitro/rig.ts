/**
 * The machine of the story: an enclave with the enclave program, and what its parent has to reach it.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { join } from "node:path";
import { bundle, run } from "../../../scripts/vsock/rig.ts";
import {
  boot,
  buildImage,
  type Image,
  Program,
  startVsock,
} from "../../../scripts/nitro/machine.ts";
import { type AttestationPolicy, nitroPolicy } from "../../../src/attestation/mod.ts";
import type { NitroPolicyOptions } from "../../../src/attestation/mod.ts";
import { type Chain, EmulatedNsm, issueChain } from "../../fixtures/emulated_nsm.ts";
import { chainText, type Documents, type ModuleStart } from "./module.ts";
import { PEER_PCRS } from "./peer.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;
const FLAGS = "--no-check --unstable-vsock --unstable-net -A";
const HOUR_MS = 3_600_000;
const BOOT_TIMEOUT_MS = 300_000;

/** Ports of the guest's servers, and those of the parent's for it: egress and logs. */
export const PORTS = {
  ...{ enclave: 5000, plain: 5001, mutual: 5002, kit: 5003, startup: 4999 },
  ...{ egress: 8000, logs: 7000 },
} as const;

/** One line of the story. */
export interface Line {
  readonly name: string;
  /** Rejects if the line does not hold; may resolve to a figure to print. */
  run(enclave: Enclave): Promise<string | void>;
}

/** An enclave on this machine. */
export class Enclave implements AsyncDisposable {
  readonly folder: string;
  readonly image: Image;
  /** Measurements that `vrpc pcrs` computes from the image file. */
  readonly pcrs: Readonly<Record<number, string>>;
  /** Another enclave with a chain of the same root, for mutual attestation. */
  readonly peer: EmulatedNsm;
  readonly #chain: Chain;
  readonly #expired: Chain;
  readonly #vsock: Program;
  #module: Program | undefined;
  #machine: Program | undefined;
  #starts = 0;

  private constructor(
    parts: Pick<Enclave, "folder" | "image" | "pcrs" | "peer">,
    chains: { chain: Chain; expired: Chain },
    vsock: Program,
  ) {
    this.folder = parts.folder;
    this.image = parts.image;
    this.pcrs = parts.pcrs;
    this.peer = parts.peer;
    this.#chain = chains.chain;
    this.#expired = chains.expired;
    this.#vsock = vsock;
  }

  /**
   * Builds an image with a program, by default that of the story, and starts the vsock device; the machine is not
   * started. The program is up once it prints a line that begins with `listening`.
   */
  static async build(
    folder: string,
    program = "tests/compat/nitro/guest.ts",
  ): Promise<Enclave> {
    const chain = await issueChain();
    // Begins four hours ago; its last certificate lives for three.
    const expired = await issueChain(undefined, Date.now() - 4 * HOUR_MS);
    const root = Buffer.from(chain.certificates[0]).toString("base64");
    const image = await buildImage({
      "guest.js": await bundle(program),
      "run.sh":
        `VRPC_RIG_ROOT=${root} deno run ${FLAGS} guest.js --addr vsock:any:${PORTS.enclave} --attest tls\n`,
    }, folder);
    const printed = await run(
      Deno.execPath(),
      ["run", "-A", "cmd/vrpc.ts", "pcrs", image.eif],
      ROOT,
    );
    const pcrs = Object.fromEntries(
      [...printed.matchAll(/^PCR(\d+) ([0-9a-f]{96})$/gm)].map(([, index, hex]) => [index, hex]),
    );
    const peer = await EmulatedNsm.create(PEER_PCRS, chain);
    const vsock = await startVsock(join(folder, "vsock.socket"), join(folder, "vm.vsock"));
    return new Enclave({ folder, image, pcrs, peer }, { chain, expired }, vsock);
  }

  /** Address of a port of the guest. */
  address(port: number): string {
    return `hvsock:${this.folder}/vm.vsock:${port}`;
  }

  /** Policy for this image, with some options replaced. */
  policy(options: Partial<NitroPolicyOptions> = {}): AttestationPolicy {
    return nitroPolicy({ pcrs: this.pcrs, root: this.root, ...options });
  }

  /** Root of its documents. */
  get root(): Uint8Array {
    return this.#chain.certificates[0];
  }

  /** Root of the documents that are `expired`. */
  get expiredRoot(): Uint8Array {
    return this.#expired.certificates[0];
  }

  /** Starts the machine and waits for its servers; in debug mode PCR0 to PCR2 are zero. */
  async start({ debug = false } = {}): Promise<void> {
    const nsm = join(this.folder, `nsm-${++this.#starts}.socket`);
    const module = this.#module = new Program(Deno.execPath(), [
      ...["run", "-A", "--no-check", join(ROOT, "tests/compat/nitro/module.ts")],
    ], true);
    const start: ModuleStart = {
      socket: nsm,
      pcrs: debug ? {} : this.image.pcrs,
      chain: await chainText(this.#chain),
      expired: await chainText(this.#expired),
    };
    await module.write(JSON.stringify(start));
    await module.line(/^ok$/, BOOT_TIMEOUT_MS);
    const machine = this.#machine = boot(this.image, {
      vsock: join(this.folder, "vsock.socket"),
      nsm,
    });
    await machine.line(/^listening/, BOOT_TIMEOUT_MS);
  }

  /** Says which documents the module makes from now on. */
  async documents(kind: Documents): Promise<void> {
    const module = this.#module!;
    const from = module.lines.length;
    await module.write(JSON.stringify(kind));
    await module.line(/^ok$/, BOOT_TIMEOUT_MS, from);
  }

  /** Lines of the guest's console since its start. */
  get console(): readonly string[] {
    return this.#machine?.lines ?? [];
  }

  /** Ends the machine as a loss of power does. */
  async stop(): Promise<void> {
    await this.#machine?.[Symbol.asyncDispose]();
    await this.#module?.[Symbol.asyncDispose]();
    this.#machine = this.#module = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#vsock[Symbol.asyncDispose]();
  }
}
