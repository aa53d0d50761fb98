/**
 * The device of the Nitro Secure Module, `/dev/nsm`: one ioctl(2) through FFI that takes a request and returns a
 * response, both CBOR.
 *
 * @module
 */

import { type ForeignInterface, type Pointer, runtime } from "../runtime/mod.ts";
import { AttestationError } from "./attestation_error.ts";
import { SerialQueue } from "./serial_queue.ts";

/** A module that answers requests. */
export interface NsmDevice {
  /** Resolves to the response, a copy. Rejects with an AttestationError (`busy` or `unavailable`). */
  request(bytes: Uint8Array): Promise<Uint8Array>;
}

/** _IOWR(0x0A, 0, struct nsm_raw), from the kernel's include/uapi/linux/nsm.h. */
const NSM_IOCTL_RAW = 0xc020_0a00n;
const O_RDWR_CLOEXEC = 0o2_000_002;
/** Longest request; the kernel refuses longer ones. */
const MAX_REQUEST_BYTES = 0x1000;
/** Longest response. The kernel cuts off what does not fit without an error, so that no less will do. */
const MAX_RESPONSE_BYTES = 0x3000;
/** The message of the ioctl: address and length of the request, address and length of the response, 8 bytes each. */
const MESSAGE_BYTES = 32;
const REQUEST_AT = 64;
const RESPONSE_AT = REQUEST_AT + MAX_REQUEST_BYTES;
/** Requests in the queue: at 70 ms each, the last is answered within the 10 s that an exchange may take. */
const MAX_WAITING = 128;

/** Names of errno in which open(2) tells what is wrong, by their numbers on Linux. */
const ERRORS: Readonly<Record<number, string>> = {
  1: "not permitted (EPERM)",
  2: "there is no such device (ENOENT)",
  6: "there is no module behind it (ENXIO)",
  13: "no permission to read and write it (EACCES)",
  16: "it is in use (EBUSY)",
  19: "there is no module behind it (ENODEV)",
};

type Bytes = Uint8Array<ArrayBuffer>;

interface Libc {
  open(path: Bytes, flags: number): number;
  ioctl(file: number, command: bigint, message: Bytes): Promise<number>;
  __errno_location(): Pointer;
  memcpy(to: Bytes, from: Pointer, length: bigint): Pointer;
}

const SYMBOLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  // Its third parameter is variadic, which on Linux is passed as any other (x86-64 and AArch64).
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32", nonblocking: true },
  __errno_location: { parameters: [], result: "pointer" },
  memcpy: { parameters: ["buffer", "pointer", "usize"], result: "pointer" },
} as const;

/** Opens a device; it stays open for the life of the process. Throws an AttestationError (`unavailable`). */
export function openNsm(path: string): NsmDevice {
  const { ffi } = runtime;
  if (ffi === undefined) throw unavailable(path, "this runtime has no FFI; use Deno");
  // Without the permission, Deno would ask on a terminal.
  if (!runtime.allows("ffi")) {
    throw unavailable(path, "FFI is not permitted; run with --allow-ffi");
  }
  const libc = openLibc(ffi, path);
  const file = libc.open(new TextEncoder().encode(`${path}\0`), O_RDWR_CLOEXEC);
  if (file >= 0) return new NsmFile(path, file, libc, ffi);
  const errno = new Uint8Array(4);
  libc.memcpy(errno, libc.__errno_location(), 4n);
  const number = new DataView(errno.buffer).getInt32(0, true);
  throw unavailable(
    path,
    `${ERRORS[number] ?? `errno ${number}`}; it is the device of a Nitro Enclave`,
  );
}

function openLibc(ffi: ForeignInterface, path: string): Libc {
  try {
    return ffi.open<Libc>("libc.so.6", SYMBOLS);
  } catch (cause) {
    throw unavailable(path, "libc.so.6 cannot be opened; it needs Linux with glibc", { cause });
  }
}

/** Makes the error of a device that cannot be used. */
function unavailable(path: string, why: string, options?: ErrorOptions): AttestationError {
  return new AttestationError("unavailable", `Cannot use ${path}: ${why}`, options);
}

class NsmFile implements NsmDevice {
  readonly #path: string;
  readonly #file: number;
  readonly #libc: Libc;
  readonly #queue = new SerialQueue(MAX_WAITING, "requests wait for the Nitro Secure Module");
  /** Message, request and response. One block for all requests: the kernel has its address while one is made. */
  readonly #memory: Bytes = new Uint8Array(RESPONSE_AT + MAX_RESPONSE_BYTES);
  readonly #address: bigint;

  constructor(path: string, file: number, libc: Libc, ffi: ForeignInterface) {
    this.#path = path;
    this.#file = file;
    this.#libc = libc;
    this.#address = ffi.addressOf(this.#memory);
  }

  async request(bytes: Uint8Array): Promise<Uint8Array> {
    if (bytes.length > MAX_REQUEST_BYTES) {
      throw unavailable(
        this.#path,
        `the request has ${bytes.length} bytes, the limit is ${MAX_REQUEST_BYTES}`,
      );
    }
    return await this.#queue.run(() => this.#send(bytes));
  }

  /** Makes the ioctl on a thread of the runtime's, so that the event loop goes on. */
  async #send(bytes: Uint8Array): Promise<Uint8Array> {
    const memory = this.#memory;
    const message = new DataView(memory.buffer, 0, MESSAGE_BYTES);
    message.setBigUint64(0, this.#address + BigInt(REQUEST_AT), true);
    message.setBigUint64(8, BigInt(bytes.length), true);
    message.setBigUint64(16, this.#address + BigInt(RESPONSE_AT), true);
    message.setBigUint64(24, BigInt(MAX_RESPONSE_BYTES), true);
    memory.set(bytes, REQUEST_AT);
    // errno is that of the other thread, and cannot be read.
    if (await this.#libc.ioctl(this.#file, NSM_IOCTL_RAW, memory) !== 0) {
      throw unavailable(this.#path, "its driver refused the request; is it /dev/nsm?");
    }
    const length = Number(message.getBigUint64(24, true));
    if (length > MAX_RESPONSE_BYTES) {
      throw unavailable(this.#path, `its driver claims ${length} bytes of response`);
    }
    return memory.slice(RESPONSE_AT, RESPONSE_AT + length);
  }
}
