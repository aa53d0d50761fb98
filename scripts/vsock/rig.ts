/**
 * Virtual machine for AF_VSOCK tests: a small Debian kernel in QEMU (software emulation) with busybox and Deno.
 * Slow build steps are cached.
 *
 * @module
 */

import { basename, join, resolve } from "node:path";
import { cacheFolder } from "../cache_folder.ts";

/** Cache folder: `$XDG_CACHE_HOME/vrpc/vsock` or `~/.cache/vrpc/vsock`. */
export const CACHE = cacheFolder("vsock");

const ROOT = new URL("../../", import.meta.url).pathname;

/** Version of the device backend on the host (a crate). */
export const VHOST_DEVICE_VERSION = "0.3.0";

// Program, and its Debian package.
const PROGRAMS: readonly (readonly [string, string])[] = [
  ["qemu-system-x86_64", "qemu-system-x86"],
  ["cpio", "cpio"],
  ["busybox", "busybox-static"],
  ["zstd", "zstd"],
];
const LIBRARIES = ["dl.so.2", "gcc_s.so.1", "rt.so.1", "pthread.so.0", "m.so.6", "c.so.6"];
const MODULES = [
  "drivers/virtio/virtio_ring",
  "drivers/virtio/virtio",
  "drivers/virtio/virtio_pci_legacy_dev",
  "drivers/virtio/virtio_pci_modern_dev",
  "drivers/virtio/virtio_pci",
  "net/vmw_vsock/vsock",
  "net/vmw_vsock/vmw_vsock_virtio_transport_common",
  "net/vmw_vsock/vmw_vsock_virtio_transport",
  "net/vmw_vsock/vsock_loopback",
];

/** Program that starts a guest: loads the modules in `/m`, and runs `/t/run.sh`. */
export const guestInit = (modules: readonly string[]): string =>
  `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/tmp DENO_DIR=/tmp/.deno NO_COLOR=1 DENO_NO_UPDATE_CHECK=1
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp
mkdir -p /dev/shm /dev/pts; mount -t tmpfs shm /dev/shm; mount -t devpts pts /dev/pts; ip link set lo up
for m in ${modules.join(" ")}; do
  insmod /m/$m.ko || echo "insmod $m: $?"
done
ulimit -n 20000
cd /t; sh ./run.sh; rc=$?
echo $rc >/dev/ttyS1; sync; poweroff -f
`;

/** Missing program that must be installed by the user; the message says how. */
export class MissingError extends Error {
  override readonly name = "MissingError";
}

/** Runs a program and returns its standard output. Throws with the end of its output when it fails. */
export async function run(command: string, args: string[], cwd?: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args, cwd }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (code !== 0) {
    const words = (text(stderr) || text(stdout)).trim().split("\n").slice(-5).join("\n");
    throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${words}`);
  }
  return text(stdout);
}

/** Whether a program is on the path. */
export async function has(program: string): Promise<boolean> {
  return (await new Deno.Command("sh", { args: ["-c", `command -v ${program}`] }).output()).success;
}

/** Whether there is a file or folder. */
export async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/**
 * Installs programs, each with its Debian package, as root on Debian; otherwise throws with what to install. Default:
 * those of the guests.
 */
export async function installPrograms(
  programs: readonly (readonly [string, string])[] = PROGRAMS,
): Promise<void> {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
    throw new MissingError("The rig needs Linux on x86_64");
  }
  const missing: string[] = [];
  for (const [program, debian] of programs) if (!await has(program)) missing.push(debian);
  if (missing.length === 0) return;
  if (!await has("apt-get") || Deno.uid() !== 0) {
    throw new MissingError(
      `Install these Debian packages first: apt-get install ${missing.join(" ")}`,
    );
  }
  console.log(`Installing ${missing.join(" ")}`);
  await run("apt-get", ["update", "-q"]);
  await run("apt-get", ["install", "-y", "-q", "--no-install-recommends", ...missing]);
}

/** Unpacks Debian's cloud kernel into the cache. Returns its folder. */
async function kernel(): Promise<string> {
  const folder = join(CACHE, "kernel");
  if (await exists(join(folder, "boot"))) return folder;
  if (!await has("apt-get")) {
    throw new MissingError("The kernel comes from Debian: apt-get is missing");
  }
  const depends = "apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/{print $2;exit}'";
  let name = (await run("sh", ["-c", depends])).trim();
  if (name === "") {
    await run("apt-get", ["update", "-q"]);
    name = (await run("sh", ["-c", depends])).trim();
  }
  if (name === "") {
    throw new MissingError("apt-cache does not find the package linux-image-cloud-amd64");
  }
  const work = await Deno.makeTempDir();
  try {
    await run("sh", ["-c", `apt-get download ${name}`], work);
    await run("sh", ["-c", `dpkg -x ${name}_*.deb ${folder}.part`], work);
    await Deno.rename(`${folder}.part`, folder);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  return folder;
}

/** Returns the path of the first entry of a folder whose name fits. */
export async function glob(folder: string, pattern: RegExp): Promise<string> {
  for await (const entry of Deno.readDir(folder)) {
    if (pattern.test(entry.name)) return join(folder, entry.name);
  }
  throw new Error(`Cannot find ${pattern} in ${folder}`);
}

/** Returns the path of the kernel image. */
export async function kernelImage(): Promise<string> {
  return await glob(join(await kernel(), "boot"), /^vmlinuz-/);
}

/** Builds the archive with busybox, Deno and kernel modules, once. Returns its path. */
async function baseArchive(): Promise<string> {
  const archive = join(CACHE, `base-${Deno.version.deno}-2.cpio.zst`);
  const modules = join(await glob(join(await kernel(), "lib", "modules"), /./), "kernel");
  await guestArchive(archive, MODULES.map((module) => join(modules, `${module}.ko`)));
  return archive;
}

/** Builds an archive with busybox, Deno and kernel modules (`.ko` or `.ko.xz`, in order), unless it is there. */
export async function guestArchive(archive: string, modules: readonly string[]): Promise<void> {
  if (await exists(archive)) return;
  const root = await Deno.makeTempDir();
  try {
    const dirs = ["bin", "dev", "proc", "sys", "tmp", "lib64", "lib/x86_64-linux-gnu", "m", "t"];
    for (const dir of dirs) await Deno.mkdir(join(root, dir), { recursive: true });
    await Deno.copyFile("/bin/busybox", join(root, "bin/busybox"));
    await Deno.symlink("busybox", join(root, "bin/sh"));
    await Deno.copyFile(Deno.execPath(), join(root, "bin/deno"));
    await Deno.chmod(join(root, "bin/deno"), 0o755);
    for (const name of LIBRARIES) {
      const path = `lib/x86_64-linux-gnu/lib${name}`;
      await Deno.copyFile(`/${path}`, join(root, path));
    }
    await Deno.copyFile("/lib64/ld-linux-x86-64.so.2", join(root, "lib64/ld-linux-x86-64.so.2"));
    await Deno.chmod(join(root, "lib64/ld-linux-x86-64.so.2"), 0o755);
    const names = modules.map((path) => basename(path).replace(/\.ko(?:\.xz)?$/, ""));
    for (const [i, path] of modules.entries()) {
      const read = path.endsWith(".xz") ? "xz -dc" : "cat";
      await run("sh", ["-c", `${read} '${path}' > '${join(root, "m", names[i])}.ko'`]);
    }
    await Deno.writeTextFile(join(root, "init"), guestInit(names), { mode: 0o755 });
    const pack = "find . | cpio -o -H newc -R 0:0 --quiet | zstd -1 -q -f -o ";
    await run("sh", ["-c", `${pack}${archive}.part`], root);
    await Deno.rename(`${archive}.part`, archive);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** Prepares the files common to all guests. */
export async function prepare(): Promise<void> {
  await Deno.mkdir(CACHE, { recursive: true });
  await installPrograms();
  await kernelImage();
  await baseArchive();
}

/** Builds an initial RAM disk with `files` (name to text) in `/t`; it runs the file `run.sh`. */
export async function initrd(files: Record<string, string>, out: string): Promise<void> {
  await Deno.copyFile(await baseArchive(), out);
  // Concatenated archives must begin at multiples of 4 bytes.
  await run("truncate", ["-s", "%4", out]);
  await appendFiles(files, out);
}

/** Appends an archive with `files` (name to text) in `/t` to a file. */
export async function appendFiles(files: Record<string, string>, out: string): Promise<void> {
  const work = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(work, "t"));
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(join(work, "t", name), text);
    }
    await run("sh", ["-c", `find t | cpio -o -H newc -R 0:0 --quiet | gzip -1 >>${out}`], work);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Bundles a program into one file: the guest has no network to load packages from. */
export async function bundle(entry: string): Promise<string> {
  const out = await Deno.makeTempFile({ suffix: ".js" });
  try {
    const config = join(ROOT, "deno.json");
    const args = ["bundle", "-q", "--config", config, "-o", out, resolve(ROOT, entry)];
    await run(Deno.execPath(), args, ROOT);
    return await Deno.readTextFile(out);
  } finally {
    await Deno.remove(out);
  }
}

/** Installs the vhost backend of the vsock device. Returns its path. */
export async function vhostDevice(): Promise<string> {
  const root = join(CACHE, "vhost-device");
  const program = join(root, "bin", "vhost-device-vsock");
  if (await exists(program)) return program;
  if (!await has("cargo")) {
    throw new MissingError(
      "The vsock device needs cargo (Rust): install it, or run: deno task test:vsock guest",
    );
  }
  console.log(`Building vhost-device-vsock ${VHOST_DEVICE_VERSION} (once, some minutes)`);
  await run("cargo", [
    "install",
    "--locked",
    "vhost-device-vsock",
    "--version",
    VHOST_DEVICE_VERSION,
    "--root",
    root,
  ]);
  return program;
}

/** Running guest. */
export interface Guest {
  /** Resolves to the exit code of run.sh; 125 when QEMU failed, 126 when the guest died. */
  readonly done: Promise<number>;
  /** Stops the guest. */
  kill(): void;
}

/** Boots a guest, with its console on standard output. */
export async function boot(
  options: { initrd: string; folder: string; vsockSocket?: string; timeoutMs: number },
): Promise<Guest> {
  const codeFile = join(options.folder, "exit_code");
  const vsock = options.vsockSocket === undefined ? [] : [
    ...["-object", "memory-backend-memfd,id=mem0,size=1400M,share=on"],
    ...["-machine", "q35,memory-backend=mem0"],
    ...["-chardev", `socket,id=c0,path=${options.vsockSocket}`],
    ...["-device", "vhost-user-vsock-pci,chardev=c0"],
  ];
  const qemu = new Deno.Command("qemu-system-x86_64", {
    args: [
      ...["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1400"],
      ...["-display", "none", "-no-reboot", "-nodefaults", ...vsock],
      ...["-kernel", await kernelImage(), "-initrd", options.initrd],
      ...["-append", "console=ttyS0 panic=-1 quiet"],
      ...[
        "-chardev",
        "stdio,id=s0,signal=off",
        "-serial",
        "chardev:s0",
        "-serial",
        `file:${codeFile}`,
      ],
    ],
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  const timer = setTimeout(() => {
    console.error(`The guest took more than ${options.timeoutMs / 1000} s and was stopped`);
    qemu.kill("SIGKILL");
  }, options.timeoutMs);
  const done = qemu.status.then(async (status) => {
    clearTimeout(timer);
    if (!status.success) return 125;
    const digits = (await Deno.readTextFile(codeFile).catch(() => "")).replace(/\D/g, "");
    return digits === "" ? 126 : Number(digits);
  });
  return {
    done,
    kill() {
      try {
        qemu.kill("SIGKILL");
      } catch { /* it has ended */ }
    },
  };
}
