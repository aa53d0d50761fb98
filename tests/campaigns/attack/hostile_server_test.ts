/**
 * Hostile servers behind the host and the command line: their memory grows by at most 64 MiB, and they end in time.
 *
 * @module
 */

import assert from "node:assert/strict";
import { concat } from "../../fixtures/bytes.ts";
import { create, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { serve } from "../../../mod.ts";
import { type LineProcess, Processes } from "../../fixtures/processes.ts";
import { sleep } from "../../fixtures/waiting.ts";
import { file, message, service } from "../../schema/descriptors.ts";
import {
  addReflectionOf,
  endlessFiles,
  files,
  listOf,
  services,
} from "../../services/hostile_reflection.ts";
import { join } from "node:path";

const MAX_GROWTH_MIB = 64;
const VRPC = join(import.meta.dirname!, "../../../cmd/vrpc.ts");
const linux = { ignore: Deno.build.os !== "linux" };

type Answer = Parameters<typeof addReflectionOf>[1];

/** A file of 3 MB that has messages of two bytes each. */
function manyMessages(): Uint8Array {
  const bytes = new Uint8Array(3_000_000);
  for (let i = 0; i < bytes.length; i += 2) bytes[i] = 0x22;
  const name = create(FileDescriptorProtoSchema, { name: "a.proto", service: [{ name: "S" }] });
  return concat(toBinary(FileDescriptorProtoSchema, name), bytes);
}

const SMALL = files(file("a.proto", {
  messageType: [message("M")],
  service: [service("S", { M: [".t.M", ".t.M"] })],
}));

const HOSTILE: Readonly<Record<string, () => Answer>> = {
  "files of 3 MB that import the next": () => endlessFiles(3_000_000),
  "small files that import the next": () => endlessFiles(10),
  "messages of two bytes": () => (question) =>
    question.case === "listServices" ? services("S") : files(manyMessages()),
  "services without end": () => () => listOf(Array.from({ length: 300_000 }, (_, i) => `s${i}`)),
};

const benign: Answer = (question) => question.case === "listServices" ? services("t.S") : SMALL;

function hostile(answer: Answer) {
  return serve("127.0.0.1:0", (router) => addReflectionOf(router, answer));
}

/** The largest memory of a process while `body` runs. */
async function peakMib(process: LineProcess, body: Promise<unknown>): Promise<number> {
  let peak = process.residentMib();
  const sampler = setInterval(() => peak = Math.max(peak, process.residentMib()), 5);
  try {
    await body;
  } finally {
    clearInterval(sampler);
  }
  return peak;
}

/** Runs `vrpc list`. */
async function list(processes: Processes, address: string) {
  const process = processes.start([Deno.execPath(), "run", "--quiet", "-A", VRPC, "list", address]);
  const startMs = performance.now();
  const mib = await peakMib(process, process.code());
  return { mib, tookMs: performance.now() - startMs, code: await process.code() };
}

for (const [name, answer] of Object.entries(HOSTILE)) {
  Deno.test({ name: `the host stands reflection with ${name}`, ...linux }, async () => {
    await using server = await hostile(answer());
    await using processes = new Processes();
    const [enclave] = server.addresses;
    const host = processes.program("host", [
      ...["--addr", "127.0.0.1:0", "--log-level", "error", "--enclave", enclave],
    ]);
    const url = await host.address();
    for (let i = 0; i < 20; i++) await (await fetch(`${url}/healthz`)).text();
    const before = host.residentMib();
    const peak = await peakMib(
      host,
      (async () => {
        for (let round = 0; round < 3; round++) {
          const response = await fetch(`${url}/methods.json`);
          assert.equal(response.status, 429, await response.text());
          await sleep(1_001);
        }
      })(),
    );
    assert.ok(peak - before <= MAX_GROWTH_MIB, `grew by ${(peak - before).toFixed(0)} MiB`);
  });

  Deno.test({ name: `vrpc list stands reflection with ${name}`, ...linux }, async () => {
    await using small = await hostile(benign);
    await using server = await hostile(answer());
    await using processes = new Processes();
    const usual = await list(processes, small.addresses[0]);
    assert.equal(usual.code, 0);
    const { mib, tookMs, code } = await list(processes, server.addresses[0]);
    assert.equal(code, 72);
    assert.ok(mib - usual.mib <= MAX_GROWTH_MIB, `${mib.toFixed(0)}, ${usual.mib.toFixed(0)} MiB`);
    assert.ok(tookMs < usual.tookMs + 10_000, `${tookMs.toFixed(0)} ms`);
  });
}
