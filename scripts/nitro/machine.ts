/**
 * Virtual machine with a `/dev/nsm`: QEMU of trixie-backports, which gives a guest any virtio device by vhost-user, and
 * trixie's kernel, which has a driver for the Nitro Secure Module.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { cacheFolder } from "../cache_folder.ts";
import { imageFile } from "../../tests/fixtures/eif.ts";
import { appendFiles, glob, guestArchive, installPrograms } from "../vsock/rig.ts";
import { exists, vhostDevice } from "../vsock/rig.ts";
import { withSuite } from "./packages.ts";

/** Cache folder: `$XDG_CACHE_HOME/vrpc/nitro` or `~/.cache/vrpc/nitro`. */
const CACHE = cacheFolder("nitro");
const QEMU = join(CACHE, "qemu");
const KERNEL = join(CACHE, "kernel");
const SUITE = "trixie";

const MODULES = [
  "net/vmw_vsock/vsock",
  "net/vmw_vsock/vmw_vsock_virtio_transport_common",
  "net/vmw_vsock/vmw_vsock_virtio_transport",
  "net/vmw_vsock/vsock_loopback",
  "drivers/misc/nsm",
];
/** The check of the timer fails now and then where the emulator has to wait for the processor. */
const COMMAND_LINE = "console=ttyS0 panic=-1 quiet no_timer_check";
const MEMORY = "1400M";
/** CID of the guest. */
const GUEST_CID = 16;
/** Virtio device id of a Nitro Secure Module. */
const VIRTIO_ID_NITRO_SECURE_MODULE = 33;

/** Downloads and builds, once, what all images share. */
export async function prepare(): Promise<void> {
  await Deno.mkdir(CACHE, { recursive: true });
  await installPrograms([
    ["cpio", "cpio"],
    ["busybox", "busybox-static"],
    ["zstd", "zstd"],
    ["xz", "xz-utils"],
  ]);
  if (!await exists(QEMU) || !await exists(KERNEL)) {
    console.log("Downloading QEMU and a kernel of Debian (once)");
    await withSuite(SUITE, async (suite) => {
      if (!await exists(QEMU)) await suite.unpackWithDependencies("qemu-system-x86", QEMU);
      if (!await exists(KERNEL)) await suite.unpackDependency("linux-image-cloud-amd64", KERNEL);
    });
  }
  await vhostDevice();
}

/** An enclave image: what a machine boots, and the file in which it is measured. */
export interface Image {
  readonly kernel: string;
  readonly initrd: string;
  /** The image as an enclave image file. */
  readonly eif: string;
  /** PCR0 to PCR2 as a hypervisor measures what it boots. */
  readonly pcrs: Readonly<Record<0 | 1 | 2, string>>;
}

/** Builds an image in `folder` with `files` (name to text) in `/t`; it runs the file `run.sh`. */
export async function buildImage(files: Record<string, string>, folder: string): Promise<Image> {
  const kernel = await glob(join(KERNEL, "boot"), /^vmlinuz-/);
  const modules = await glob(join(KERNEL, "usr/lib/modules"), /./);
  const base = join(CACHE, `base-${Deno.version.deno}-${basename(modules)}.cpio.zst`);
  await guestArchive(base, MODULES.map((module) => join(modules, "kernel", `${module}.ko.xz`)));
  const application = join(folder, "application");
  await Deno.writeFile(application, new Uint8Array());
  await appendFiles(files, application);
  const commandLine = new TextEncoder().encode(COMMAND_LINE);
  const parts = [await Deno.readFile(kernel), commandLine, padded(await Deno.readFile(base))];
  parts.push(padded(await Deno.readFile(application)));
  const initrd = join(folder, "initrd");
  await Deno.writeFile(initrd, parts[2]);
  await Deno.writeFile(initrd, parts[3], { append: true });
  const eif = join(folder, "enclave.eif");
  await Deno.writeFile(eif, imageFile(parts.map((part, i) => [Math.min(i + 1, 3), part])));
  const [all, boot, rest] = [parts, parts.slice(0, 3), parts.slice(3)].map(measured);
  return { kernel, initrd, eif, pcrs: { 0: all, 1: boot, 2: rest } };
}

/** Concatenated archives must begin at multiples of 4 bytes. */
function padded(archive: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(archive.length / 4) * 4);
  bytes.set(archive);
  return bytes;
}

/** Register of a hypervisor: SHA-384 over 48 zeros and the hash of what is measured. */
function measured(parts: readonly Uint8Array[]): string {
  const hash = createHash("sha384");
  for (const part of parts) hash.update(part);
  const register = createHash("sha384").update(new Uint8Array(48));
  return register.update(hash.digest()).digest("hex");
}

/** Program that runs beside the tests, with lines on its standard output. */
export class Program implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array> | undefined;
  readonly #waiting = new Set<() => void>();
  #ended = false;
  /** Lines of its standard output. */
  readonly lines: string[] = [];

  constructor(command: string, args: readonly string[], withInput = false) {
    this.#process = new Deno.Command(command, {
      args: [...args],
      env: { RUST_LOG: "error", NO_COLOR: "1" },
      stdin: withInput ? "piped" : "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = withInput ? this.#process.stdin.getWriter() : undefined;
    this.#read();
  }

  async #read(): Promise<void> {
    const text = this.#process.stdout.pipeThrough(new TextDecoderStream());
    let rest = "";
    for await (const part of text) {
      const lines = (rest + part).split(/\r?\n/);
      rest = lines.pop()!;
      this.lines.push(...lines);
      this.#wake();
    }
    if (rest !== "") this.lines.push(rest);
    this.#ended = true;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Resolves to the first line from index `from` on that fits. Rejects if the program ends before, or takes too long. */
  async line(pattern: RegExp, timeoutMs: number, from = 0): Promise<string> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wake();
    }, timeoutMs);
    try {
      for (let i = from;;) {
        for (; i < this.lines.length; i++) if (pattern.test(this.lines[i])) return this.lines[i];
        if (this.#ended || late) {
          const why = late ? `took over ${timeoutMs} ms` : "ended";
          throw new Error(
            `Waiting for ${pattern}, the program ${why}; its last lines:\n${
              this.lines.slice(-30).join("\n")
            }`,
          );
        }
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Writes a line to its standard input. */
  async write(line: string): Promise<void> {
    await this.#input!.write(new TextEncoder().encode(`${line}\n`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch { /* it has ended */ }
    await this.#input?.close().catch(() => {});
    await this.#process.status;
  }
}

/** Starts the vsock device of a machine; the host reaches a port of the guest by the address `hvsock:UDS:PORT`. */
export async function startVsock(socket: string, uds: string): Promise<Program> {
  const program = await vhostDevice();
  return new Program(program, [
    "--vm",
    `guest-cid=${GUEST_CID},socket=${socket},uds-path=${uds}`,
  ]);
}

/** Boots an image, with its console as lines. */
export function boot(image: Image, sockets: { vsock: string; nsm: string }): Program {
  const library = join(QEMU, "usr/lib/x86_64-linux-gnu");
  return new Program(join(QEMU, "usr/lib64/ld-linux-x86-64.so.2"), [
    ...["--library-path", library, join(QEMU, "usr/bin/qemu-system-x86_64")],
    ...["usr/share/seabios", "usr/share/qemu", "usr/lib/ipxe/qemu"].flatMap((folder) => [
      "-L",
      join(QEMU, folder),
    ]),
    ...["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", MEMORY],
    ...["-display", "none", "-no-reboot", "-nodefaults"],
    ...["-object", `memory-backend-memfd,id=mem0,size=${MEMORY},share=on`],
    ...["-machine", "q35,memory-backend=mem0"],
    ...["-chardev", `socket,id=c0,path=${sockets.vsock}`],
    ...["-device", "vhost-user-vsock-pci,chardev=c0"],
    ...["-chardev", `socket,id=c1,path=${sockets.nsm}`],
    "-device",
    `vhost-user-test-device-pci,chardev=c1,virtio-id=${VIRTIO_ID_NITRO_SECURE_MODULE},num_vqs=1,vq_size=64`,
    ...["-kernel", image.kernel, "-initrd", image.initrd, "-append", COMMAND_LINE],
    ...["-chardev", "stdio,id=s0,signal=off", "-serial", "chardev:s0", "-serial", "null"],
  ]);
}
