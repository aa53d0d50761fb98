/**
 * Measurements of an enclave image file (EIF, versions 3 and 4), as a Nitro hypervisor makes them when it starts the image.
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import { crc32 } from "node:zlib";
import { type CborMap, decodeCbor } from "./cbor.ts";
import { PCR_BYTES } from "./nitro_document.ts";
import { derOfPem } from "./pem.ts";

/**
 * A file that is read in parts, because images have hundreds of megabytes.
 *
 * @category Attestation
 */
export interface ReadableFile {
  /** Length in bytes. */
  readonly size: number;
  /** Resolves to `length` bytes from `offset` on, which exist. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

const MAGIC = 0x2e656966;
const MAX_SECTIONS = 32;
/** Header: magic, version, flags, memory, CPUs, reserved, count, 32 offsets, 32 sizes, unused, CRC. */
const HEADER_BYTES = 548;
const COUNT_AT = 26;
const OFFSETS_AT = 28;
const SIZES_AT = OFFSETS_AT + 8 * MAX_SECTIONS;
const CRC_AT = HEADER_BYTES - 4;
/** Header of a section: type, flags, size. */
const SECTION_BYTES = 12;
const SectionType = { kernel: 1, commandLine: 2, ramdisk: 3, signature: 4 } as const;
const NEEDED = ["kernel", "commandLine", "ramdisk"] as const;
/** Longest section of a signature, as in AWS's aws-nitro-enclaves-image-format. */
const MAX_SIGNATURE_BYTES = 32_768;
const PART_BYTES = 1 << 20;

/**
 * Measurements of an image, SHA-384 in hex.
 *
 * @category Attestation
 */
export interface EifMeasurements {
  /** The image: kernel, command line and ramdisks. */
  0: string;
  /** Kernel, command line and first ramdisk. */
  1: string;
  /** The other ramdisks. */
  2: string;
  /** The certificate that signed the image; absent if none did. */
  8?: string;
}

/**
 * Computes PCR0 to PCR2 of an enclave image file, and PCR8 of a signed one, as `nitro-cli build-enclave` prints them.
 * The signature itself is not verified: Nitro does that when it starts the image. Rejects with a TypeError if the file is
 * no such image, or was changed.
 *
 * @category Attestation
 */
export async function measureEif(file: ReadableFile): Promise<EifMeasurements> {
  const header = await readPart(file, 0, HEADER_BYTES);
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  const version = view.getUint16(4);
  if (view.getUint32(0) !== MAGIC) throw notAnImage("it does not begin with .eif");
  if (version !== 3 && version !== 4) throw notAnImage(`its version is ${version}, must be 3 or 4`);
  const count = view.getUint16(COUNT_AT);
  if (count === 0 || count > MAX_SECTIONS) throw notAnImage(`it has ${count} sections`);
  const all = [0, 1, 2].map(() => createHash("sha384"));
  const [image, boot, application] = all;
  let crc = crc32(header.subarray(0, CRC_AT));
  let ramdisks = 0;
  let signer: Hash | undefined;
  const found = new Set<number>();
  for (let i = 0; i < count; i++) {
    const offset = Number(view.getBigUint64(OFFSETS_AT + 8 * i));
    const size = Number(view.getBigUint64(SIZES_AT + 8 * i));
    const head = await readPart(file, offset, SECTION_BYTES);
    const section = new DataView(head.buffer, head.byteOffset, head.length);
    const type = section.getUint16(0);
    if (Number(section.getBigUint64(4)) !== size) throw notAnImage(`section ${i} has two sizes`);
    crc = crc32(head, crc);
    found.add(type);
    const into: Hash[] = [];
    if (type === SectionType.kernel || type === SectionType.commandLine) into.push(image, boot);
    else if (type === SectionType.ramdisk) into.push(image, ramdisks++ === 0 ? boot : application);
    if (type === SectionType.signature) {
      if (size > MAX_SIGNATURE_BYTES) throw notAnImage(`its signature has ${size} bytes`);
      const bytes = await readPart(file, offset + SECTION_BYTES, size);
      signer = createHash("sha384").update(signingCertificate(bytes));
    }
    const end = offset + SECTION_BYTES + size;
    for (let at = offset + SECTION_BYTES; at < end; at += PART_BYTES) {
      const part = await readPart(file, at, Math.min(PART_BYTES, end - at));
      for (const hash of into) hash.update(part);
      crc = crc32(part, crc);
    }
  }
  for (const name of NEEDED) {
    if (!found.has(SectionType[name])) throw notAnImage(`it has no section of type ${name}`);
  }
  if (crc !== view.getUint32(CRC_AT)) throw notAnImage("its checksum does not fit");
  const [pcr0, pcr1, pcr2] = all.map(extended);
  return { 0: pcr0, 1: pcr1, 2: pcr2, ...(signer && { 8: extended(signer) }) };
}

/**
 * Returns the certificate, in DER, of a signature: an array of maps, of which the first has the certificate in PEM, as an
 * array of numbers.
 */
function signingCertificate(section: Uint8Array): Uint8Array {
  try {
    const [signature] = decodeCbor(section) as CborMap[];
    const pem = signature.get("signing_certificate") as number[];
    return derOfPem(new TextDecoder().decode(Uint8Array.from(pem)));
  } catch {
    throw notAnImage("its signature has no certificate");
  }
}

async function readPart(file: ReadableFile, offset: number, length: number): Promise<Uint8Array> {
  if (!(offset + length <= file.size)) {
    throw notAnImage(`it has ${file.size} bytes, a part of it ends at ${offset + length}`);
  }
  return await file.read(offset, length);
}

/** A register that was zero, extended by a hash. */
function extended(hash: Hash): string {
  const register = createHash("sha384").update(new Uint8Array(PCR_BYTES));
  return register.update(hash.digest()).digest("hex");
}

function notAnImage(why: string): TypeError {
  return new TypeError(`The file is no enclave image: ${why}`);
}
