/**
 * Debian packages of another suite, unpacked into a folder: nothing of the machine is changed.
 *
 * @module
 */

import { join } from "node:path";
import { has, MissingError, run } from "../vsock/rig.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Packages of a suite. */
export interface Suite {
  /** Unpacks a package of the suite's backports and all that it depends on into a new folder. */
  unpackWithDependencies(name: string, into: string): Promise<void>;
  /** Unpacks the package on which another one depends first, into a new folder. */
  unpackDependency(name: string, into: string): Promise<void>;
}

/** Runs `body` with the packages of a suite. Throws {@link MissingError} where there are none. */
export async function withSuite(name: string, body: (suite: Suite) => Promise<void>) {
  const mirror = await debianMirror();
  const folder = await Deno.makeTempDir({ prefix: "vrpc-apt-" });
  const at = (path: string) => join(folder, path);
  const backports = `${name}-backports`;
  try {
    for (const path of ["lists/partial", "archives/partial", "debs"]) {
      await Deno.mkdir(at(path), { recursive: true });
    }
    // An empty status file: every dependency counts as missing.
    await Deno.writeTextFile(at("status"), "");
    const sources = [name, backports].map((suite) =>
      `deb [signed-by=${KEYRING}] ${mirror} ${suite} main\n`
    );
    await Deno.writeTextFile(at("sources.list"), sources.join(""));
    const settings = [
      `Dir::Etc::SourceList=${at("sources.list")}`,
      "Dir::Etc::SourceParts=/dev/null",
      "Dir::Etc::Preferences=/dev/null",
      "Dir::Etc::PreferencesParts=/dev/null",
      `Dir::State::Lists=${at("lists")}`,
      `Dir::State::Status=${at("status")}`,
      `Dir::Cache=${folder}`,
      `Dir::Cache::Archives=${at("archives")}`,
      "APT::Architecture=amd64",
      "APT::Install-Recommends=false",
      "APT::Sandbox::User=root",
      "Debug::NoLocking=1",
    ].flatMap((setting) => ["-o", setting]);
    await run("apt-get", [...settings, "-q", "update"]);
    await body({
      async unpackWithDependencies(name, into) {
        const install = ["-qy", "--download-only", "-t", backports, "install", name];
        await run("apt-get", [...settings, ...install]);
        await unpackAll(at("archives"), into);
      },
      async unpackDependency(name, into) {
        const depends = await run("apt-cache", [...settings, "depends", name]);
        const first = /Depends: (\S+)/.exec(depends)?.[1];
        if (first === undefined) throw new Error(`${name} depends on nothing`);
        await run("apt-get", [...settings, "-q", "download", first], at("debs"));
        await unpackAll(at("debs"), into);
      },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Unpacks all packages in a folder. */
async function unpackAll(from: string, into: string): Promise<void> {
  const part = `${into}.part`;
  await Deno.remove(part, { recursive: true }).catch(() => {});
  await run("sh", ["-c", `for deb in *.deb; do dpkg -x "$deb" '${part}' || exit 1; done`], from);
  await Deno.rename(part, into);
}

/** The mirror of Debian in this machine's own sources. */
async function debianMirror(): Promise<string> {
  if (!await has("apt-get") || !await has("dpkg")) {
    throw new MissingError("QEMU and the kernel come from Debian: apt-get or dpkg is missing");
  }
  const sites = await run("apt-get", ["indextargets", "--format", "$(SITE)"]);
  const mirror = sites.split("\n").find((site) => /\/debian\/?$/.test(site));
  const signed = await Deno.stat(KEYRING).then(() => true, () => false);
  if (mirror === undefined || !signed) {
    throw new MissingError(
      "QEMU and the kernel come from Debian: this machine has no mirror of it among its sources, or no keys for it",
    );
  }
  return mirror;
}
