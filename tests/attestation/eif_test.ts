import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { CborValue } from "../../src/attestation/cbor.ts";
import { encodeCbor } from "../../src/attestation/cbor_writer.ts";
import { measureEif } from "../../src/attestation/mod.ts";
import { imageFile } from "../fixtures/eif.ts";

const file = (bytes: Uint8Array) => ({
  size: bytes.length,
  read: (offset: number, length: number) => Promise.resolve(bytes.slice(offset, offset + length)),
});
const sha384 = (...parts: Uint8Array[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash("sha384")).digest();
const pcr = (...parts: Uint8Array[]) =>
  sha384(new Uint8Array(48), sha384(...parts)).toString("hex");

const kernel = new Uint8Array(3_000_000).map((_, i) => i * 7);
const line = new TextEncoder().encode("console=ttyS0");
const disks = [5, 1_500_000, 17].map((length, i) => new Uint8Array(length).fill(i + 1));
const metadata = new TextEncoder().encode("{}");

Deno.test("measureEif() hashes kernel, command line and ramdisks, and nothing else", async () => {
  const image = imageFile([
    [1, kernel],
    [2, line],
    [5, metadata],
    ...disks.map((disk) => [3, disk] as const),
  ]);
  assert.deepEqual(await measureEif(file(image)), {
    0: pcr(kernel, line, ...disks),
    1: pcr(kernel, line, disks[0]),
    2: pcr(disks[1], disks[2]),
  });
});

Deno.test("measureEif() refuses what is no image, or was changed", async () => {
  const image = imageFile([[1, kernel.subarray(0, 100)], [2, line], [3, disks[0]]]);
  await measureEif(file(image));
  const changed = (at: number) => {
    const copy = image.slice();
    copy[at] ^= 1;
    return copy;
  };
  for (
    const bytes of [
      new Uint8Array(),
      image.subarray(0, 547),
      image.subarray(0, image.length - 1),
      ...[0, 5, 10, 27, 35, 291, 547, 549, 560, image.length - 1].map(changed),
      imageFile([[1, kernel.subarray(0, 100)], [2, line]]),
    ]
  ) {
    await assert.rejects(measureEif(file(bytes)), TypeError);
  }
});

/** Section of a signature, as serde_cbor writes it: bytes are arrays of numbers. */
const signature = (pem: string) =>
  encodeCbor([
    new Map<string, CborValue>([
      ["signing_certificate", [...new TextEncoder().encode(pem)]],
      ["signature", [1, 2, 3]],
    ]),
  ]);

Deno.test("measureEif() hashes the certificate of a signed image", async () => {
  const pem = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
  const sections = [[1, kernel.subarray(0, 100)], [2, line], [3, disks[0]]] as const;
  const signed = await measureEif(file(imageFile([...sections, [4, signature(pem)]])));
  const { 0: pcr0, 1: pcr1, 2: pcr2 } = await measureEif(file(imageFile(sections)));
  assert.deepEqual(signed, { 0: pcr0, 1: pcr1, 2: pcr2, 8: pcr(Uint8Array.of(1, 2, 3)) });
});

Deno.test("measureEif() refuses a signature without a certificate", async () => {
  for (
    const bytes of [
      new Uint8Array(),
      encodeCbor([]),
      encodeCbor([new Map()]),
      signature("no certificate"),
      new Uint8Array(32_769),
    ]
  ) {
    const image = imageFile([[1, kernel.subarray(0, 9)], [2, line], [3, disks[0]], [4, bytes]]);
    await assert.rejects(measureEif(file(image)), TypeError);
  }
});
