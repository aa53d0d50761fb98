/**
 * What an attested enclave must do, line by line: each is a check that runs in order on one {@link Enclave}.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { type Channel, type ChannelOptions, connect, Status } from "../../../mod.ts";
import type { NitroPolicyOptions } from "../../../src/attestation/mod.ts";
import { failure } from "../../../src/testing/failure.ts";
import { KIT } from "./kit.ts";
import { startMiddle } from "./middle.ts";
import { type Enclave, type Line, PORTS } from "./rig.ts";

const text = new TextEncoder();
const plain = new TextDecoder();
const EMPTY = new Uint8Array();
const ECHO = "/vrpc.echo.v1.EchoService/Echo";
const CONNECT_TIMEOUT_MS = 30_000;
const HANDSHAKES = 15;
const RATE_MS = 2_000;

const open = (enclave: Enclave, port: number, options: ChannelOptions): Channel =>
  connect(enclave.address(port), { connectTimeoutMs: CONNECT_TIMEOUT_MS, poolSize: 1, ...options });

/** Checks that a channel with these options cannot call, for a reason. */
async function refused(
  enclave: Enclave,
  options: Partial<NitroPolicyOptions>,
  reason: RegExp,
): Promise<string> {
  await using channel = open(enclave, PORTS.enclave, { attest: enclave.policy(options) });
  const { code, message } = await failure(channel.call(ECHO, EMPTY));
  assert.equal(code, Status.UNAVAILABLE, message);
  assert.match(message, reason);
  return "refused";
}

const withDocuments = (
  kind: Parameters<Enclave["documents"]>[0],
  body: (enclave: Enclave) => Promise<string>,
) =>
async (enclave: Enclave) => {
  await enclave.documents(kind);
  try {
    return await body(enclave);
  } finally {
    await enclave.documents("good");
  }
};

/** Time until a channel is ready, in ms, at p50. */
async function handshakeMs(enclave: Enclave, options: ChannelOptions): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < HANDSHAKES; i++) {
    const start = performance.now();
    await using channel = open(enclave, PORTS.enclave, options);
    await channel.ready();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[HANDSHAKES >> 1];
}

/** Calls per second, 16 at a time on one connection. */
async function callRate(enclave: Enclave, options: ChannelOptions): Promise<number> {
  await using channel = open(enclave, PORTS.enclave, options);
  await channel.call(ECHO, EMPTY);
  const start = performance.now();
  let calls = 0;
  const caller = async () => {
    for (; performance.now() - start < RATE_MS; calls++) await channel.call(ECHO, EMPTY);
  };
  await Promise.all(Array.from({ length: 16 }, caller));
  return calls * 1000 / (performance.now() - start);
}

/** The channel that is open while the machine restarts. */
let lasting: Channel | undefined;

/** All lines, in order. */
export const STORY: readonly Line[] = [
  { name: "the enclave starts", run: (enclave) => enclave.start() },
  {
    name: "vrpc pcrs computes from the image what the hypervisor measures",
    run(enclave) {
      assert.deepEqual(enclave.pcrs, { ...enclave.image.pcrs });
      return Promise.resolve();
    },
  },
  ...(["grpc", "lean"] as const).map((wire): Line => ({
    name: `the parent connects with the image's PCRs and calls, ${wire}`,
    async run(enclave) {
      await using channel = open(enclave, PORTS.enclave, { wire, attest: enclave.policy() });
      await channel.call(ECHO, EMPTY);
      const [{ attestation }] = channel.stats().connections;
      assert.equal(attestation?.pcrs[0], enclave.pcrs[0]);
    },
  })),
  {
    name: "another image's PCRs",
    run: (enclave) => refused(enclave, { pcrs: { 0: "ab".repeat(48) } }, /PCR0 is .* expected/),
  },
  {
    name: "a root that is not the document's",
    run: (enclave) => refused(enclave, { root: enclave.expiredRoot }, /root/),
  },
  {
    name: "an unsigned document",
    run: withDocuments("unsigned", (enclave) => refused(enclave, {}, /signature is not/)),
  },
  {
    name: "a replayed document",
    run: withDocuments("replayed", (enclave) => refused(enclave, {}, /nonce is not the expected/)),
  },
  {
    name: "an expired chain",
    run: withDocuments(
      "expired",
      (enclave) => refused(enclave, { root: enclave.expiredRoot }, /was valid until/),
    ),
  },
  {
    name: "a man in the middle that passes on nonce and document",
    async run(enclave) {
      const path = join(enclave.folder, "middle.socket");
      await using middle = await startMiddle(
        path,
        join(enclave.folder, "vm.vsock"),
        PORTS.enclave,
      );
      await using channel = connect(`unix:${path}`, {
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        poolSize: 1,
        attest: enclave.policy(),
      });
      const { message } = await failure(channel.call(ECHO, EMPTY));
      assert.match(message, /user_data is not the expected one/);
      assert.ok(middle.passedOn > 0);
      return "refused";
    },
  },
  {
    name: "documents without TLS, for the parent itself",
    async run(enclave) {
      const attest = enclave.policy({ channel: "vsock" });
      await using channel = open(enclave, PORTS.plain, { attest });
      const payload = text.encode("hello");
      assert.deepEqual(await channel.call("/enclave/echo", payload), payload);
      assert.equal(channel.stats().connections[0].attestation?.pcrs[0], enclave.pcrs[0]);
    },
  },
  {
    name: "mutual attestation",
    async run(enclave) {
      const options = { attest: enclave.policy(), attestation: enclave.peer };
      await using channel = open(enclave, PORTS.mutual, options);
      const pcr0 = plain.decode(await channel.call("/enclave/peer", EMPTY));
      assert.equal(pcr0, "d4".repeat(48));
    },
  },
  {
    name: "a client that proves nothing, where it must",
    async run(enclave) {
      await using channel = open(enclave, PORTS.mutual, { attest: enclave.policy() });
      const { code } = await failure(channel.call("/enclave/peer", EMPTY));
      assert.equal(code, Status.UNAUTHENTICATED);
      return "refused";
    },
  },
  ...KIT,
  {
    name: "what the exchange costs",
    async run(enclave) {
      const attested: ChannelOptions = { attest: enclave.policy() };
      const without: ChannelOptions = { tls: { insecure: true } };
      const handshakes = [
        await handshakeMs(enclave, attested),
        await handshakeMs(enclave, without),
      ];
      const rates = [0, 0];
      for (let round = 0; round < 2; round++) {
        for (const [i, options] of [attested, without].entries()) {
          rates[i] = Math.max(rates[i], await callRate(enclave, options));
        }
      }
      const [first, second] = handshakes.map((ms) => ms.toFixed(0));
      return `connected after ${first} ms at p50, ${second} ms without documents; ` +
        `then ${rates.map((rate) => rate.toFixed(0)).join(" and ")} calls/s`;
    },
  },
  {
    name: "a channel stays open while the enclave ends",
    async run(enclave) {
      lasting = open(enclave, PORTS.enclave, { attest: enclave.policy() });
      await lasting.call(ECHO, EMPTY);
      await enclave.stop();
    },
  },
  { name: "the enclave starts in debug mode", run: (enclave) => enclave.start({ debug: true }) },
  {
    name: "debug mode",
    run: (enclave) => refused(enclave, { pcrs: { 8: "ab".repeat(48) } }, /debug mode/),
  },
  {
    name: "the enclave starts again as it was",
    async run(enclave) {
      await enclave.stop();
      await enclave.start();
    },
  },
  {
    name: "the channel connects again, with a document of its own",
    async run() {
      await lasting!.call(ECHO, EMPTY, { waitForReady: true });
      assert.equal(lasting!.stats().connections.length, 1);
      await lasting!.close();
    },
  },
];

/** Runs all lines and prints each with its time. Returns how many failed; those after a failed start are not run. */
export async function tellStory(enclave: Enclave, lines: readonly Line[]): Promise<number> {
  for (const [i, { name, run }] of lines.entries()) {
    const start = performance.now();
    const took = () => `${((performance.now() - start) / 1000).toFixed(2)} s`.padStart(8);
    try {
      const figure = await run(enclave);
      console.log(`${took()}  ${name}: ${figure ?? "ok"}`);
    } catch (error) {
      console.log(`${took()}  ${name}: FAILED`, error);
      console.log(enclave.console.slice(-20).map((line) => `          ${line}`).join("\n"));
      // The next lines stand on this one.
      return lines.length - i;
    }
  }
  return 0;
}
