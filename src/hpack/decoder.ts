/**
 * HPACK decoder (RFC 7541), one per connection.
 *
 * @module
 */

import { FIELD_OVERHEAD_BYTES } from "../call/metadata.ts";
import { ProtocolError } from "../errors.ts";
import { DEFAULT_TABLE_BYTES, DynamicTable } from "./dynamic_table.ts";
import type { HeaderList } from "./header_list.ts";
import { BAD_PADDING, decodeHuffman, maxDecodedBytes } from "./huffman.ts";
import { latin1 } from "../bytes/latin1.ts";
import { shared, STATIC_COUNT, STATIC_NAMES, STATIC_VALUES } from "./static_table.ts";

/** COMPRESSION_ERROR (RFC 9113 §7), the code of every {@link ProtocolError} of the decoder. */
export const COMPRESSION_ERROR = 0x9;

/** Limits of one header list. */
export interface HeaderLimits {
  /** Maximum size of a header list in octets, with 32 per field (RFC 7541 §4.1). */
  readonly maxListBytes: number;
  /** Maximum number of fields of a header list. */
  readonly maxFields: number;
}

// An encoder announces a change of the table size by at most two updates: the smallest size in between
// and the final one (RFC 7541 §4.2).
const MAX_SIZE_UPDATES = 2;

// Buffer for Huffman-decoded text before it becomes a string. All decoders share it, because it is only valid during
// one call; longer text gets its own array.
const scratch = new Uint8Array(16384);

/** Decodes header blocks and keeps the dynamic table of the peer's encoder. */
export class HpackDecoder {
  /** Version of the dynamic table; while it is unchanged, equal header blocks decode to equal fields. */
  version = 0;
  #table: DynamicTable;
  #maxTableBytes: number;
  // Smallest table limit since the peer's last size update; -1 when no update is due.
  #owedMaxBytes = -1;
  #position = 0;
  // Last string literal read: `#from` to `#to` of `#octets`. Reset after each block, so that no block is retained.
  #octets: Uint8Array = scratch;
  #from = 0;
  #to = 0;

  /**
   * `maxTableBytes`: limit of the table size, 0 to 2³¹−1. Default 4096, the protocol's, which holds until the peer has
   * acknowledged another SETTINGS_HEADER_TABLE_SIZE (see `setMaxTableBytes`).
   */
  constructor(options: { maxTableBytes?: number } = {}) {
    this.#maxTableBytes = options.maxTableBytes ?? DEFAULT_TABLE_BYTES;
    // The table exceeds the default size only after a size update from the encoder.
    this.#table = new DynamicTable(Math.min(DEFAULT_TABLE_BYTES, this.#maxTableBytes));
  }

  /** Size of the dynamic table in octets (RFC 7541 §4.1). */
  get tableBytes(): number {
    return this.#table.bytes;
  }

  /**
   * Sets the limit that the peer has acknowledged. When it is below the size in use, the next block must begin with a
   * size update (RFC 7541 §4.2).
   */
  setMaxTableBytes(bytes: number): void {
    this.#maxTableBytes = bytes;
    if (bytes < this.#table.maxBytes && (this.#owedMaxBytes < 0 || bytes < this.#owedMaxBytes)) {
      this.#owedMaxBytes = bytes;
    }
  }

  /**
   * Decodes one whole block, `block[start..end)`, into `out`, which is cleared first. Fields beyond the limits are
   * counted, applied to the dynamic table, and dropped; `out.overLimit` is then set. Nothing refers to `block`
   * afterwards.
   *
   * Throws ProtocolError (connection, COMPRESSION_ERROR) for a malformed block, after which the decoder must not be
   * used.
   */
  decode(
    block: Uint8Array,
    start: number,
    end: number,
    out: HeaderList,
    limits: HeaderLimits,
  ): void {
    out.clear();
    this.#position = start;
    this.#readSizeUpdates(block, end);
    while (this.#position < end) {
      const octet = block[this.#position];
      if (octet >= 0x80) this.#indexedField(block, end, octet, out, limits);
      else this.#literalField(block, end, octet, out, limits);
    }
    this.#octets = scratch;
  }

  #indexedField(
    block: Uint8Array,
    end: number,
    octet: number,
    out: HeaderList,
    limits: HeaderLimits,
  ): void {
    let index = octet & 0x7f;
    if (index === 0x7f) index = this.#readInteger(block, end, 0x7f);
    else this.#position++;
    if (index <= STATIC_COUNT) {
      if (index === 0) throw malformed("Cannot look up header field index 0: the lowest is 1");
      keep(out, STATIC_NAMES[index], STATIC_VALUES[index], limits);
      return;
    }
    const table = this.#table;
    const number = table.inserted + STATIC_COUNT - index;
    if (index - STATIC_COUNT > table.count) throw this.#outOfRange(index);
    keep(out, table.name(number), table.value(number), limits);
  }

  #literalField(
    block: Uint8Array,
    end: number,
    octet: number,
    out: HeaderList,
    limits: HeaderLimits,
  ): void {
    const indexing = octet >= 0x40;
    if (!indexing && octet >= 0x20) {
      throw malformed("Cannot change the table size after a header field of the same block");
    }
    const prefix = indexing ? 0x3f : 0x0f;
    let index = octet & prefix;
    if (index === prefix) index = this.#readInteger(block, end, prefix);
    else this.#position++;
    let name: string;
    if (index === 0) {
      this.#readText(block, end);
      const length = this.#to - this.#from;
      // A dropped field that is not indexed needs no strings, because neither the list nor the table stores it.
      if (!indexing && isFull(out, length, limits)) {
        this.#readText(block, end);
        out.size += length + this.#to - this.#from + FIELD_OVERHEAD_BYTES;
        out.overLimit = true;
        return;
      }
      name = shared(this.#text());
    } else {
      name = this.#nameAt(index);
    }
    this.#readText(block, end);
    const length = this.#to - this.#from;
    if (indexing) {
      this.version++;
      if (name.length + length + FIELD_OVERHEAD_BYTES <= this.#table.maxBytes) {
        const value = shared(this.#text());
        this.#table.insert(name, value);
        keep(out, name, value, limits);
        return;
      }
      this.#table.evictTo(0);
    }
    if (isFull(out, name.length + length, limits)) {
      out.size += name.length + length + FIELD_OVERHEAD_BYTES;
      out.overLimit = true;
      return;
    }
    out.push(name, this.#text());
  }

  #readSizeUpdates(block: Uint8Array, end: number): void {
    for (let updates = 0; this.#position < end; updates++) {
      const octet = block[this.#position];
      if ((octet & 0xe0) !== 0x20) break;
      if (updates === MAX_SIZE_UPDATES) {
        throw malformed(
          `Cannot accept another table size update: the limit is ${MAX_SIZE_UPDATES} per block`,
        );
      }
      let bytes = octet & 0x1f;
      if (bytes === 0x1f) bytes = this.#readInteger(block, end, 0x1f);
      else this.#position++;
      // The first update must be to the smallest limit, even if the limit was raised again afterwards.
      const limit = this.#owedMaxBytes < 0 ? this.#maxTableBytes : this.#owedMaxBytes;
      if (bytes > limit) {
        throw malformed(`Cannot use a header table of ${bytes} bytes: the limit is ${limit}`);
      }
      this.#owedMaxBytes = -1;
      this.version++;
      this.#table.maxBytes = bytes;
      this.#table.evictTo(bytes);
    }
    if (this.#owedMaxBytes >= 0) {
      throw malformed(
        `Cannot keep a header table of ${this.#table.maxBytes} bytes: ` +
          `the limit is ${this.#owedMaxBytes}`,
      );
    }
  }

  #nameAt(index: number): string {
    if (index <= STATIC_COUNT) return STATIC_NAMES[index];
    if (index - STATIC_COUNT > this.#table.count) throw this.#outOfRange(index);
    return this.#table.name(this.#table.inserted + STATIC_COUNT - index);
  }

  #outOfRange(index: number): ProtocolError {
    return malformed(
      `Cannot look up header field index ${index}: the highest is ${
        STATIC_COUNT + this.#table.count
      }`,
    );
  }

  // Reads an integer (RFC 7541 §5.1) whose prefix, at `#position`, has all bits set. At most 4 more octets are
  // accepted, so that the value stays below 2²⁸ + 128: above the length of any block, and safe in 32-bit arithmetic.
  #readInteger(block: Uint8Array, end: number, prefix: number): number {
    let value = prefix;
    let position = this.#position + 1;
    for (let shift = 0; shift < 28; shift += 7) {
      if (position === end) throw truncated();
      const octet = block[position++];
      value += (octet & 0x7f) << shift;
      if (octet < 0x80) {
        this.#position = position;
        return value;
      }
    }
    throw malformed("Cannot read an integer of more than 4 octets after its prefix");
  }

  // Reads the octets of a string literal (RFC 7541 §5.2), which `#text` converts to a string.
  #readText(block: Uint8Array, end: number): void {
    if (this.#position === end) throw truncated();
    const octet = block[this.#position];
    let length = octet & 0x7f;
    if (length === 0x7f) length = this.#readInteger(block, end, 0x7f);
    else this.#position++;
    const from = this.#position;
    const to = from + length;
    if (to > end) {
      throw malformed(`Cannot read text of ${length} octets: the block has ${end - from} left`);
    }
    this.#position = to;
    if (octet < 0x80) {
      this.#octets = block;
      this.#from = from;
      this.#to = to;
      return;
    }
    const room = maxDecodedBytes(length);
    const octets = room <= scratch.length ? scratch : new Uint8Array(room);
    const decoded = decodeHuffman(block, from, to, octets);
    if (decoded < 0) {
      throw malformed(
        decoded === BAD_PADDING
          ? "Cannot read Huffman-coded text: its padding must be at most 7 bits, all ones"
          : "Cannot read Huffman-coded text: it contains the end-of-string symbol",
      );
    }
    this.#octets = octets;
    this.#from = 0;
    this.#to = decoded;
  }

  #text(): string {
    return latin1(this.#octets, this.#from, this.#to);
  }
}

function keep(out: HeaderList, name: string, value: string, limits: HeaderLimits): void {
  if (isFull(out, name.length + value.length, limits)) {
    out.size += name.length + value.length + FIELD_OVERHEAD_BYTES;
    out.overLimit = true;
    return;
  }
  out.push(name, value);
}

// Whether a field must be dropped. Once one is, all later ones are: a list with a gap could pass as another valid list.
function isFull(out: HeaderList, textBytes: number, limits: HeaderLimits): boolean {
  return out.overLimit || out.count >= limits.maxFields ||
    out.size + textBytes + FIELD_OVERHEAD_BYTES > limits.maxListBytes;
}

function malformed(message: string): ProtocolError {
  return new ProtocolError("connection", COMPRESSION_ERROR, message);
}

function truncated(): ProtocolError {
  return malformed("Cannot read a header block that ends inside a field");
}
