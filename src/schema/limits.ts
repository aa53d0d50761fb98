/**
 * Bounds on descriptors that come from a peer or a file.
 *
 * @module
 */

import { Status } from "../call/status.ts";
import { RpcError } from "../errors.ts";
import { checkRanges, type Ranges, whole } from "../limits/ranges.ts";

/** Bounds on the descriptors of one server or one descriptor set. */
export interface DescriptorLimits {
  /**
   * Limit on the bytes of all files together, counting a file each time it is sent, 1,024 to 2³¹−1. Default 8 MiB:
   * twice what the largest services are known to send.
   */
  maxBytes?: number;
  /** Limit on the number of files, and on the number of services, 1 to 1,000,000. Default 10,000. */
  maxFiles?: number;
  /**
   * Limit on messages, fields, values, options and other elements, 1 to 100,000,000. Default 50,000. An element of two
   * bytes takes one to two KiB of memory, so a limit on bytes alone is not enough.
   */
  maxElements?: number;
  /**
   * Limit on the length of a chain of imports, 1 to 100,000. Default 1,000: each import in a chain costs a round trip.
   */
  maxDepth?: number;
}

const RANGES: Ranges<DescriptorLimits> = {
  maxBytes: whole(1_024),
  maxFiles: whole(1, 1_000_000),
  maxElements: whole(1, 100_000_000),
  maxDepth: whole(1, 100_000),
};

/** Counts use of the {@link DescriptorLimits} while descriptors are read. */
export class DescriptorBudget {
  readonly maxFiles: number;
  readonly maxDepth: number;
  readonly #maxBytes: number;
  readonly #maxElements: number;
  #bytes = 0;
  #elements = 0;

  /** Throws RangeError for limits out of range. */
  constructor(limits: DescriptorLimits = {}) {
    checkRanges(limits, RANGES);
    this.#maxBytes = limits.maxBytes ?? 8 * 1024 * 1024;
    this.maxFiles = limits.maxFiles ?? 10_000;
    this.#maxElements = limits.maxElements ?? 50_000;
    this.maxDepth = limits.maxDepth ?? 1_000;
  }

  /** Number of elements that may still be decoded. */
  get elementsLeft(): number {
    return this.#maxElements - this.#elements;
  }

  /** Counts received bytes. Throws RpcError (RESOURCE_EXHAUSTED) beyond the limit. */
  takeBytes(count: number): void {
    this.#bytes += count;
    if (this.#bytes > this.#maxBytes) throw this.#exceeded("bytes", this.#maxBytes, "maxBytes");
  }

  /** Counts elements before they are decoded. Throws RpcError (RESOURCE_EXHAUSTED) beyond the limit. */
  takeElements(count: number): void {
    this.#elements += count;
    if (this.#elements > this.#maxElements) {
      throw this.#exceeded("elements", this.#maxElements, "maxElements");
    }
  }

  /** Checks a number of files or services. Throws RpcError (RESOURCE_EXHAUSTED) beyond the limit. */
  checkFiles(count: number, what: "files" | "services"): void {
    if (count > this.maxFiles) throw this.#exceeded(what, this.maxFiles, "maxFiles");
  }

  #exceeded(what: string, limit: number, option: string): RpcError {
    return new RpcError(
      Status.RESOURCE_EXHAUSTED,
      `The descriptors have too many ${what}, limit is ${limit} (${option})`,
    );
  }
}
