import assert from "node:assert/strict";
import { AttestationError, type AttestationFailure } from "../../src/attestation/mod.ts";
import {
  nitroPolicy,
  type NitroPolicyOptions,
  readNitroDocument,
} from "../../src/attestation/mod.ts";
import type { ExpectedClaims } from "../../src/attestation/mod.ts";
import { EmulatedNsm, issueChain, type Level, LEVELS, PCRS } from "../fixtures/emulated_nsm.ts";
import {
  DEBUG_2024,
  PRODUCTION_2021,
  PRODUCTION_2025,
  UNSIGNED,
} from "../fixtures/nitro_documents.ts";

const leafEndMs = (document: Uint8Array) => {
  const { chain } = readNitroDocument(document);
  return chain[chain.length - 1].notAfter.getTime();
};
const atOwnTime = (document: Uint8Array, more: Partial<NitroPolicyOptions> = {}) => {
  const { claims: { pcrs, timestamp } } = readNitroDocument(document);
  return nitroPolicy({ pcrs: { 0: pcrs[0], 1: pcrs[1] }, now: () => timestamp, ...more });
};
const refused = async (
  promise: Promise<unknown>,
  ...reasons: AttestationFailure[]
): Promise<AttestationError> => {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof AttestationError, `${error}`);
    assert.ok(reasons.includes(error.reason), `${error.reason}: ${error.message}`);
    return error;
  }
  throw new assert.AssertionError({ message: "the document was accepted" });
};

const REAL: [string, Uint8Array, string, string][] = [
  ["2021", PRODUCTION_2021, "2021-03-17T22:01:55.685Z", "i-078824548edcf6519-enc01784234ec227b58"],
  ["2025", PRODUCTION_2025, "2025-04-15T15:38:57.935Z", "i-00d494a46f4f3c091-enc019639f5c00f6e0c"],
];

for (const [name, document, time, moduleId] of REAL) {
  Deno.test(`a document of AWS of ${name} is accepted at its time`, async () => {
    const claims = await atOwnTime(document).verify(document);
    assert.equal(new Date(claims.timestamp).toISOString(), time);
    assert.equal(claims.moduleId, moduleId);
    assert.equal(Object.keys(claims.pcrs).length, 16);
    assert.equal(claims.publicKey?.length, name === "2025" ? 32 : undefined);
    assert.equal(claims.userData, undefined);
  });

  Deno.test(`a document of AWS of ${name} is refused outside of its leaf's time`, async () => {
    const endMs = leafEndMs(document);
    await atOwnTime(document, { now: () => endMs }).verify(document);
    await refused(atOwnTime(document, { now: () => endMs + 1_000 }).verify(document), "expired");
    const { chain, claims } = readNitroDocument(document);
    const startMs = +chain[4].notBefore;
    const early = atOwnTime(document, { now: () => startMs - 1, clockSkewMs: 86_400_000 });
    await refused(early.verify(document), "not_yet_valid");
    const ahead = { now: () => claims.timestamp - 1 };
    await atOwnTime(document, { ...ahead, clockSkewMs: 1 }).verify(document);
    await refused(atOwnTime(document, { ...ahead, clockSkewMs: 0 }).verify(document), "timestamp");
  });

  Deno.test(`a document of AWS of ${name} is refused with other measurements`, async () => {
    const other = { pcrs: { 0: "ab".repeat(48) } };
    const error = await refused(atOwnTime(document, other).verify(document), "pcrs");
    assert.match(error.message, /^PCR0 is [0-9a-f]{96}, expected (ab){48}$/);
    const { pcrs } = readNitroDocument(document).claims;
    const sets = [{ 0: "ab".repeat(48) }, { 0: pcrs[0].toUpperCase(), 4: pcrs[4] }];
    await atOwnTime(document, { pcrs: sets }).verify(document);
    // PCR16 is not in the document.
    await refused(
      atOwnTime(document, { pcrs: { 0: pcrs[0], 16: pcrs[0] } }).verify(document),
      "pcrs",
    );
  });

  Deno.test(`a document of AWS of ${name} with any byte changed is refused`, async () => {
    const policy = atOwnTime(document);
    await policy.verify(document);
    const changed = document.slice();
    for (let i = 0; i < document.length; i++) {
      changed[i] ^= 1 << (i % 8);
      await refused(
        policy.verify(changed),
        ...["malformed", "root", "chain", "expired", "not_yet_valid"] as const,
        ...["signature", "timestamp", "debug", "pcrs"] as const,
      );
      changed[i] = document[i];
    }
  });
}

Deno.test("a document of AWS in debug mode is refused unless it is allowed", async () => {
  const { claims } = readNitroDocument(DEBUG_2024);
  const now = () => claims.timestamp;
  const pcrs = { 4: claims.pcrs[4] };
  await refused(nitroPolicy({ pcrs, now }).verify(DEBUG_2024), "debug");
  const debug = nitroPolicy({ pcrs, now, debug: true });
  const verified = await debug.verify(DEBUG_2024);
  assert.equal(verified.pcrs[0], "0".repeat(96));
  assert.ok(verified.nonce && verified.userData && verified.publicKey);
  const late = nitroPolicy({ pcrs, debug: true, now: () => leafEndMs(DEBUG_2024) + 1_000 });
  await refused(late.verify(DEBUG_2024), "expired");
});

Deno.test("a document that is not signed is refused", async () => {
  for (const debug of [true, false]) {
    const policy = nitroPolicy({ pcrs: { 0: "ab".repeat(48) }, debug });
    await refused(policy.verify(UNSIGNED), "malformed");
  }
});

Deno.test("a document of AWS is refused with another root", async () => {
  const [root] = (await issueChain(LEVELS.slice(0, 1))).certificates;
  await refused(atOwnTime(PRODUCTION_2025, { root }).verify(PRODUCTION_2025), "root");
});

const nsm = await EmulatedNsm.create();
const policy = (more: Partial<NitroPolicyOptions> = {}) =>
  nitroPolicy({ pcrs: { 0: PCRS[0] }, root: nsm.root, ...more });

Deno.test("documents with definite and indefinite maps, and with fields left out, are accepted", async () => {
  for (const indefinite of [true, false]) {
    await policy().verify(await nsm.document({ indefinite }));
  }
  const none = { nonce: undefined, user_data: undefined, public_key: undefined };
  const { nonce, userData, publicKey } = await policy().verify(
    await nsm.document({ fields: none }),
  );
  assert.deepEqual([nonce, userData, publicKey], [undefined, undefined, undefined]);
});

Deno.test("signatures with a high s are accepted as well as such with a low one", async () => {
  const order = BigInt(
    "0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
  );
  const document = await nsm.document();
  const s = BigInt(`0x${document.subarray(-48).toHex()}`);
  const other = document.slice();
  other.set(Uint8Array.fromHex((order - s).toString(16).padStart(96, "0")), document.length - 48);
  await policy().verify(document);
  await policy().verify(other);
  other.fill(0, document.length - 96);
  await refused(policy().verify(other), "signature");
});

Deno.test("expected values must be in the document", async () => {
  const nonce = Uint8Array.of(1, 2);
  const document = await nsm.document({
    nonce,
    user_data: Uint8Array.of(3),
    public_key: Uint8Array.of(4),
  });
  await policy().verify(document, {
    nonce,
    userData: Uint8Array.of(3),
    publicKey: Uint8Array.of(4),
  });
  await refused(policy().verify(document, { nonce: Uint8Array.of(1) }), "nonce");
  await refused(policy().verify(document, { userData: Uint8Array.of(4) }), "user_data");
  await refused(policy().verify(document, { publicKey: new Uint8Array() }), "public_key");
  await refused(policy().verify(await nsm.document(), { nonce }), "nonce");
});

Deno.test("a certificate may begin after the verifier's clock by the skew, if a nonce is expected", async () => {
  const nonce = Uint8Array.of(7);
  const startMs = readNitroDocument(await nsm.document()).chain[4].notBefore.getTime();
  const document = await nsm.document({ nonce, fields: { timestamp: startMs } });
  const at = (ms: number) => policy({ now: () => ms, clockSkewMs: 80_000 });
  await at(startMs - 10_000).verify(document, { nonce });
  await refused(at(startMs - 10_000).verify(document), "not_yet_valid");
  await refused(at(startMs - 80_001).verify(document, { nonce }), "not_yet_valid");
});

Deno.test("an expected value that is undefined is an error, not unchecked", async () => {
  const expected = { nonce: undefined } as ExpectedClaims;
  await assert.rejects(policy().verify(new Uint8Array(), expected), TypeError);
});

Deno.test("the document may change once verify has begun", async () => {
  const document = await nsm.document();
  const verified = policy().verify(document);
  document.fill(0);
  assert.equal((await verified).moduleId, nsm.moduleId);
});

const FIELDS: Record<string, Parameters<EmulatedNsm["document"]>[0]> = {
  "no module_id": { fields: { module_id: undefined } },
  "an empty module_id": { fields: { module_id: "" } },
  "another digest": { fields: { digest: "SHA256" } },
  "no timestamp": { fields: { timestamp: undefined } },
  "timestamp 0": { fields: { timestamp: 0 } },
  "a timestamp of no date": { fields: { timestamp: 8.64e15 + 1 } },
  "no PCRs": { fields: { pcrs: new Map() } },
  "a PCR over 31": { fields: { pcrs: new Map([[32, new Uint8Array(48)]]) } },
  "a PCR with a negative number": { fields: { pcrs: new Map([[-1, new Uint8Array(48)]]) } },
  "a PCR whose number is text": { fields: { pcrs: new Map([["0", new Uint8Array(48)]]) } },
  "a PCR of 32 bytes": { fields: { pcrs: new Map([[0, new Uint8Array(32)]]) } },
  "a long user_data": { user_data: new Uint8Array(513) },
  "a long nonce": { nonce: new Uint8Array(513) },
  "a long public_key": { public_key: new Uint8Array(1025) },
  "a nonce of text": { fields: { nonce: "abc" } },
  "no certificate": { fields: { certificate: undefined } },
  "an empty certificate": { fields: { certificate: new Uint8Array() } },
  "a certificate of zeros": { fields: { certificate: new Uint8Array(64) } },
  "an empty bundle": { fields: { cabundle: [] } },
  "a bundle of nine": { fields: { cabundle: Array(9).fill(nsm.root) } },
  "another algorithm": { header: new Map([[1, -7]]) },
  "no algorithm": { header: new Map() },
  "a second header": { header: new Map([[1, -35], [2, 0]]) },
  "an unprotected header": {
    bend: ([header, , ...rest]) => [header, new Map([[1, -35]]), ...rest],
  },
  "no signature": { bend: (items) => items.slice(0, 3) },
  "a short signature": { bend: (items) => [...items.slice(0, 3), new Uint8Array(95)] },
  "five items": { bend: (items) => [...items, null] },
  "17,000 bytes": { fields: { more: new Uint8Array(17_000) } },
};

for (const [name, request] of Object.entries(FIELDS)) {
  Deno.test(`a signed document with ${name} is refused`, async () => {
    await refused(policy().verify(await nsm.document(request)), "malformed");
  });
}

Deno.test("a document with bytes after its end is refused", async () => {
  const document = await nsm.document();
  await refused(policy().verify(Uint8Array.of(...document, 0)), "malformed");
});

const level = (i: number, change: Partial<Level>) =>
  LEVELS.map((one, at) => at === i ? { ...one, ...change } : one);
const DAY_MS = 86_400_000;
const CHAINS: Record<string, [readonly Level[], AttestationFailure]> = {
  "an expired zone": [level(2, { startMs: Date.now() - 7 * DAY_MS }), "expired"],
  "an expired leaf": [level(4, { startMs: Date.now() - DAY_MS }), "expired"],
  "a leaf of tomorrow": [level(4, { startMs: Date.now() + DAY_MS }), "not_yet_valid"],
  "an expired root": [level(0, { lifeMs: 1 }), "expired"],
  "a region that is no authority": [level(1, { authority: false, pathLength: undefined }), "chain"],
  "an instance that must not sign certificates": [level(3, { usage: LEVELS[4].usage }), "chain"],
  "an instance without a key usage": [level(3, { usage: undefined }), "chain"],
  "a region with too short a path": [level(1, { pathLength: 1 }), "chain"],
  "a leaf that is an authority": [level(4, { authority: true }), "chain"],
  "a leaf that must not sign": [level(4, { usage: LEVELS[3].usage }), "chain"],
  "a leaf without a key usage": [level(4, { usage: undefined }), "chain"],
  "a leaf of another issuer": [level(4, { issuer: "CN=other" }), "chain"],
};

for (const [name, [levels, reason]] of Object.entries(CHAINS)) {
  Deno.test(`a chain with ${name} is refused`, async () => {
    const other = await EmulatedNsm.create(PCRS, await issueChain(levels));
    await refused(policy({ root: other.root }).verify(await other.document()), reason);
  });
}

for (let i = 1; i < LEVELS.length; i++) {
  Deno.test(`a chain whose certificate ${i} was signed by another key is refused`, async () => {
    const chain = await issueChain(LEVELS, undefined, [i]);
    const other = await EmulatedNsm.create(PCRS, chain);
    await refused(policy({ root: other.root }).verify(await other.document()), "chain");
  });
}

Deno.test("a chain out of order, or without one of its certificates, is refused", async () => {
  const { certificates } = nsm.chain;
  const [root, region, zone, instance] = certificates;
  for (const cabundle of [[root, zone, region, instance], [root, region, zone], [root]]) {
    await refused(policy().verify(await nsm.document({ fields: { cabundle } })), "chain");
  }
  const bundle = [region, zone, instance];
  await refused(policy().verify(await nsm.document({ fields: { cabundle: bundle } })), "root");
});

Deno.test("another enclave's document, with the names of a good chain, is refused", async () => {
  const forger = await EmulatedNsm.create();
  const cabundle = [nsm.root, ...forger.chain.certificates.slice(1, -1)];
  await refused(policy().verify(await forger.document({ fields: { cabundle } })), "chain");
});

Deno.test("the document must be signed by the leaf's key", async () => {
  const other = await issueChain();
  const forger = await EmulatedNsm.create(PCRS, { ...nsm.chain, key: other.key });
  await refused(policy().verify(await forger.document()), "signature");
});

Deno.test("several roots may be trusted, in PEM and DER", async () => {
  const other = await EmulatedNsm.create();
  const pem = `-----BEGIN CERTIFICATE-----\n${other.root.toBase64()}\n-----END CERTIFICATE-----\n`;
  const both = policy({ root: [nsm.root, pem] });
  await both.verify(await nsm.document());
  await both.verify(await other.document());
});

Deno.test("PCR0, PCR1 and PCR2 must each be there and not zero", async () => {
  for (const index of [0, 1, 2]) {
    const pcrs = new Map(nsm.pcrs);
    pcrs.set(index, new Uint8Array(48));
    const request = { fields: { pcrs } };
    const expected = { pcrs: { 3: "00".repeat(48), [(index + 1) % 3]: PCRS[(index + 1) % 3] } };
    await refused(policy(expected).verify(await nsm.document(request)), "debug");
    pcrs.delete(index);
    await refused(policy(expected).verify(await nsm.document(request)), "debug");
  }
});

Deno.test("accepts() compares claims that were verified with the policy's measurements", async () => {
  const claims = await policy().verify(await nsm.document());
  assert.ok(policy().accepts(claims));
  assert.ok(!policy({ pcrs: { 0: "ab".repeat(48) } }).accepts(claims));
  assert.ok(!policy().accepts({ ...claims, format: "other" }));
});

Deno.test("nitroPolicy() refuses options that expect nothing or cannot be met", () => {
  const fails = (options: unknown) =>
    assert.throws(
      () => nitroPolicy(options as NitroPolicyOptions),
      (error) => error instanceof TypeError || error instanceof RangeError,
      JSON.stringify(options),
    );
  const pcrs = PCRS;
  for (const none of [undefined, null, {}, [], [{}], "ab", { 0: undefined }]) fails({ pcrs: none });
  for (const value of ["", "ab", "zz".repeat(48), 5, "00".repeat(48)]) {
    fails({ pcrs: { 0: value } });
  }
  for (const index of ["32", "-1", "x", "1.5"]) fails({ pcrs: { [index]: PCRS[0] } });
  fails({ pcrs: { 3: "00".repeat(48), 8: "00".repeat(48) } });
  for (const clockSkewMs of [-1, NaN, Infinity, 0.5]) fails({ pcrs, clockSkewMs });
  for (const root of ["", "pem", new Uint8Array(), [], null, 5]) fails({ pcrs, root });
  fails({ pcrs, channel: "tcp" });
  fails({ pcrs, debug: 1 });
  fails({ pcrs, now: 5 });
  fails({ pcrs, unknown: 1 });
  fails(undefined);
});

Deno.test("readNitroDocument() shows the names and times of the chain", () => {
  const { chain } = readNitroDocument(PRODUCTION_2025);
  assert.equal(chain.length, 5);
  assert.equal(chain[0].subject, "C=US, O=Amazon, OU=AWS, CN=aws.nitro-enclaves");
  assert.equal(chain[4].issuer, chain[3].subject);
  assert.equal(chain[4].notBefore.toISOString(), "2025-04-15T15:00:33.000Z");
  assert.equal(chain[4].notAfter.toISOString(), "2025-04-15T18:00:36.000Z");
});
