import assert from "node:assert/strict";
import { AttestationError, nitro, nitroPolicy } from "../../src/attestation/mod.ts";
import { Nsm } from "../../src/attestation/nitro_attester.ts";
import type { NsmDevice } from "../../src/attestation/nsm_device.ts";
import { EmulatedNsm, PCRS } from "../fixtures/emulated_nsm.ts";
import { NsmModule } from "../fixtures/nsm_module.ts";

const emulated = await EmulatedNsm.create();
const enclave = (): Nsm => {
  const module = new NsmModule(emulated);
  return new Nsm({ request: (bytes) => module.answer(bytes) }, "tls");
};
const answering = (...response: number[]): NsmDevice => ({
  request: () => Promise.resolve(new Uint8Array(response)),
});

Deno.test("nitro(): a document holds what it was asked for", async () => {
  const policy = nitroPolicy({ pcrs: PCRS, root: emulated.root });
  const [nonce, userData, publicKey] = [32, 512, 1024].map((length) =>
    new Uint8Array(length).fill(length)
  );
  const nsm = enclave();
  assert.equal(nsm.format, "nitro");
  const attestation = await policy.verify(await nsm.attest(nonce, userData), { nonce, userData });
  assert.equal(attestation.publicKey, undefined);
  await policy.verify(await nsm.document({ publicKey }), { publicKey });
  await policy.verify(await nsm.document());
});

Deno.test("nitro(): a register that was extended and locked can be pinned", async () => {
  const nsm = enclave();
  const zero = "0".repeat(96);
  const value = await nsm.extendPcr(16, new TextEncoder().encode("configuration"));
  assert.match(value, /^[0-9a-f]{96}$/);
  assert.notEqual(value, zero);
  const policy = nitroPolicy({ pcrs: { 0: PCRS[0], 16: value }, root: emulated.root });
  await assert.rejects(policy.verify(await nsm.document()), /PCR16/);
  await nsm.lockPcr(16);
  await policy.verify(await nsm.document());
  await assert.rejects(
    nsm.extendPcr(16, new Uint8Array(1)),
    (error) =>
      error instanceof AttestationError && error.reason === "unavailable" &&
      error.message === "The Nitro Secure Module refuses ExtendPCR: ReadOnlyIndex",
  );
});

Deno.test("nitro(): arguments are checked", async () => {
  const nsm = enclave();
  for (const index of [15, 32, 16.5, NaN]) {
    await assert.rejects(nsm.extendPcr(index, new Uint8Array()), RangeError);
    await assert.rejects(nsm.lockPcr(index), RangeError);
  }
  await assert.rejects(nsm.extendPcr(16, new Uint8Array(513)), TypeError);
  await assert.rejects(nsm.document({ nonce: new Uint8Array(513) }), /at most 512 bytes/);
  await assert.rejects(nsm.document({ publicKey: new Uint8Array(1025) }), /at most 1024 bytes/);
  await assert.rejects(nsm.document({ userdata: new Uint8Array() } as never), TypeError);
  assert.throws(() => nitro({ channel: "udp" as never }), TypeError);
  assert.throws(() => nitro({ device: "" }), TypeError);
  assert.throws(() => nitro({ path: "/dev/nsm" } as never), TypeError);
});

Deno.test("nitro(): what is no response is refused", async () => {
  for (
    const response of [
      [],
      [0xf6],
      [0xa0],
      [0x61, 0x41],
      [0xa1, 0x61, 0x41, 0xf6],
      // {"Attestation": null}, {"Attestation": {"document": 1}}
      [0xa1, 0x6b, ...new TextEncoder().encode("Attestation"), 0xf6],
      [
        ...[0xa1, 0x6b, ...new TextEncoder().encode("Attestation"), 0xa1, 0x68],
        ...[...new TextEncoder().encode("document"), 1],
      ],
    ]
  ) {
    await assert.rejects(
      new Nsm(answering(...response), "tls").document(),
      (error) => error instanceof AttestationError && /response to Attestation/.test(error.message),
    );
  }
});
