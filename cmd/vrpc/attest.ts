/**
 * Attestation from the command line:
 *
 *     deno task vrpc attest verify document.bin --pcr0 5f… --at 2025-04-15T15:38:57Z
 *     deno task vrpc attest fetch 127.0.0.1:50051 --pcr0 5f…
 *     deno task vrpc pcrs enclave.eif
 *
 * @module
 */

import { type Command, Option } from "commander";
import { connect, printable } from "../../mod.ts";
import {
  AttestationError,
  type AttestationPolicy,
  measureEif,
  nitroPolicy,
  readNitroDocument,
} from "../../src/attestation/mod.ts";
import { addExamples, type Example } from "../shared/examples.ts";
import { errorLine, program, readOptions, UsageError } from "../shared/program.ts";

interface Flags {
  at?: string;
  root?: string;
  debug?: boolean;
  nonce?: string;
  userData?: string;
  wire?: "grpc" | "lean";
  channel?: "tls" | "vsock";
  out?: string;
  [pcr: `pcr${number}`]: string | undefined;
}

interface Job {
  readonly name: "verify" | "fetch" | "pcrs";
  readonly subject: string;
  readonly command: Command;
}

/** Registers of a Nitro Secure Module. */
const PCRS = 32;
/** Registers whose options the help shows. */
const SHOWN_PCRS: readonly number[] = [0, 1, 2, 3, 4, 8];

/** Whether the arguments are those of a command of this module. */
export function isAttestCommand([name]: readonly string[]): boolean {
  return name === "attest" || name === "pcrs";
}

/** Runs a command of this module; resolves to the exit code: 0 for a good document, 1 for any other. */
export async function runAttest(args: readonly string[]): Promise<number> {
  let job: Job | undefined;
  readOptions(attestCommand((chosen) => job = chosen), args);
  if (job === undefined) {
    throw new UsageError("Missing command: use attest verify, attest fetch or pcrs");
  }
  const flags = job.command.opts<Flags>();
  if (job.name === "pcrs") return await printPcrs(job.subject);
  if (job.name === "fetch") return await fetchDocument(job.subject, flags);
  const bytes = await readFile(job.subject);
  return await report(bytes, await policyOf(flags, pcrsOf(flags)), expectedOf(flags), flags.at);
}

/** Placeholders of SHA-384, as `pcrs` prints them. */
const PCR0 = "5f".repeat(48);

const VERIFY: readonly Example[] = [
  [`document.bin --pcr0 ${PCR0}`, "is it of this image, and valid now?"],
  [
    `document.bin --pcr0 ${PCR0} --at 2025-04-15T15:38:57Z --nonce 00ff`,
    "was it valid then, and made for this nonce?",
  ],
];
const FETCH: readonly Example[] = [
  [`127.0.0.1:50051 --pcr0 ${PCR0}`, "does the server run this image?"],
  [
    `vsock:16:5000 --pcr0 ${PCR0} --channel vsock --out document.bin`,
    "from the parent of the enclave; keep the document",
  ],
];
const MEASURE: readonly Example[] = [["enclave.eif", "what --pcr0 to --pcr8 are compared with"]];

/** Creates the commands of this module; `take` gets the chosen one. */
export function attestCommand(take: (job: Job) => void): Command {
  const root = program("vrpc", "Verifies attestation documents of AWS Nitro Enclaves.");
  const pcrs = root.command("pcrs").description(
    "print PCR0 to PCR2 of an enclave image file, and PCR8 of a signed one",
  )
    .argument("<file>").action((subject, _flags, command) =>
      take({ name: "pcrs", subject, command })
    );
  const attest = root.command("attest").description("verify documents");
  const verify = attest.command("verify").description("show a document, and whether it is good")
    .argument("<document>", "a file")
    .option("--at <time>", "time to verify it at, such as 2025-04-15T15:38:57Z; default now")
    .option("--nonce <hex>", "nonce that it must have")
    .option("--user-data <hex>", "user data that it must have")
    .action((subject, _flags, command) => take({ name: "verify", subject, command }));
  const fetch = attest.command("fetch").description("ask a server for a document, and show it")
    .argument("<address>")
    .addOption(new Option("--wire <wire>", "protocol").choices(["grpc", "lean"]).default("grpc"))
    .addOption(
      new Option("--channel <channel>", "tls, or vsock for none").choices(["tls", "vsock"])
        .default("tls"),
    )
    .option("--out <file>", "write the document to a file as well")
    .action((subject, _flags, command) => take({ name: "fetch", subject, command }));
  for (const command of [verify, fetch]) addPolicyOptions(command);
  addExamples(pcrs, MEASURE);
  addExamples(verify, VERIFY);
  addExamples(fetch, FETCH);
  addExamples(attest, [named("verify", VERIFY[0]), named("fetch", FETCH[0])]);
  return root;
}

const named = (name: string, [args, purpose]: Example): Example => [`${name} ${args}`, purpose];

function addPolicyOptions(command: Command): void {
  for (let i = 0; i < PCRS; i++) {
    const option = new Option(`--pcr${i} <hex>`, `expected PCR${i}, SHA-384 in hex`);
    command.addOption(SHOWN_PCRS.includes(i) ? option : option.hideHelp());
  }
  command.option("--root <file>", "root certificate, PEM or DER; default that of AWS")
    .option("--debug", "accept enclaves in debug mode");
}

function pcrsOf(flags: Flags): Record<number, string> {
  const pcrs: Record<number, string> = {};
  for (let i = 0; i < PCRS; i++) {
    const value = flags[`pcr${i}`];
    if (value !== undefined) pcrs[i] = value;
  }
  return pcrs;
}

async function policyOf(flags: Flags, pcrs: Record<number, string>): Promise<AttestationPolicy> {
  if (Object.keys(pcrs).length === 0) {
    throw new UsageError("Missing measurement: use at least one of --pcr0 to --pcr31");
  }
  const at = flags.at === undefined ? undefined : Date.parse(flags.at);
  if (Number.isNaN(at)) throw new UsageError(`Cannot use --at ${flags.at}: it must be a time`);
  try {
    return nitroPolicy({
      pcrs,
      root: flags.root === undefined ? undefined : await readRoot(flags.root),
      debug: flags.debug,
      now: at === undefined ? undefined : () => at,
      channel: flags.channel,
    });
  } catch (error) {
    throw new UsageError(errorLine(error));
  }
}

async function readRoot(path: string): Promise<string | Uint8Array> {
  const bytes = await readFile(path);
  const text = new TextDecoder().decode(bytes);
  return text.includes("-----BEGIN") ? text : bytes;
}

async function readFile(path: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    throw new UsageError(`Cannot read ${path}: ${errorLine(error)}`);
  }
}

function expectedOf({ nonce, userData }: Flags) {
  return {
    ...(nonce !== undefined && { nonce: bytesOf("--nonce", nonce) }),
    ...(userData !== undefined && { userData: bytesOf("--user-data", userData) }),
  };
}

function bytesOf(flag: string, hex: string): Uint8Array {
  try {
    return Uint8Array.fromHex(hex);
  } catch {
    throw new UsageError(`Cannot use ${flag} ${hex}: it must be hex`);
  }
}

/** Prints a document and the verdict of a policy. Returns the exit code. */
async function report(
  bytes: Uint8Array,
  policy: AttestationPolicy,
  expected: Parameters<AttestationPolicy["verify"]>[1],
  at?: string,
): Promise<number> {
  try {
    show(bytes);
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error;
  }
  try {
    await policy.verify(bytes, expected);
    console.log(`good at ${at ?? "this time"}`);
    return 0;
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error;
    console.log(`not good (${error.reason}): ${printable(error.message)}`);
    return 1;
  }
}

function show(bytes: Uint8Array): void {
  const { claims, chain } = readNitroDocument(bytes);
  console.log(`module      ${printable(claims.moduleId)}`);
  console.log(`time        ${new Date(claims.timestamp).toISOString()}`);
  for (const [index, value] of Object.entries(claims.pcrs)) {
    if (!/^0*$/.test(value) || Number(index) < 3) console.log(`PCR${index}`.padEnd(12) + value);
  }
  chain.forEach(({ subject, notBefore, notAfter }, i) => {
    console.log(`chain ${i}     ${subject}`);
    console.log(`            ${notBefore.toISOString()} to ${notAfter.toISOString()}`);
  });
  const { userData, publicKey, nonce } = claims;
  for (
    const [name, value] of Object.entries({ user_data: userData, public_key: publicKey, nonce })
  ) {
    console.log(`${name.padEnd(12)}${value === undefined ? "none" : value.toHex()}`);
  }
}

async function fetchDocument(address: string, flags: Flags): Promise<number> {
  let document: Uint8Array | undefined;
  let expected: Parameters<AttestationPolicy["verify"]>[1];
  const { channel = "tls", wire } = flags;
  const taking: AttestationPolicy = {
    format: "nitro",
    channel,
    accepts: () => true,
    verify(bytes, claims) {
      document = bytes.slice();
      expected = claims;
      return Promise.resolve(readNitroDocument(document).claims);
    },
  };
  await using server = connect(address, { wire, attest: taking, poolSize: 1 });
  await server.ready({ timeoutMs: 10_000 });
  if (document === undefined) throw new Error("The server sent no document");
  if (flags.out !== undefined) await Deno.writeFile(flags.out, document);
  const pcrs = pcrsOf(flags);
  const pinned = Object.keys(pcrs).length > 0;
  const policy = await policyOf(
    flags,
    pinned ? pcrs : { ...readNitroDocument(document).claims.pcrs },
  );
  const code = await report(document, policy, expected);
  if (!pinned) console.log("no measurement was given: any enclave would do");
  return code;
}

async function printPcrs(path: string): Promise<number> {
  using file = await Deno.open(path).catch((error) => {
    throw new UsageError(`Cannot read ${path}: ${errorLine(error)}`);
  });
  const { size } = await file.stat();
  const pcrs = await measureEif({
    size,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      await file.seek(offset, Deno.SeekMode.Start);
      for (let at = 0; at < length;) {
        const count = await file.read(bytes.subarray(at));
        if (count === null) throw new Error(`${path} became shorter while it was read`);
        at += count;
      }
      return bytes;
    },
  });
  for (const [index, value] of Object.entries(pcrs)) console.log(`PCR${index} ${value}`);
  return 0;
}
