/**
 * Back end of a virtio device with one queue, for QEMU's front end over vhost-user
 * (https://qemu-project.gitlab.io/qemu/interop/vhost-user.html): QEMU passes the guest's memory and two eventfds, and
 * the back end answers what the guest's driver puts into the queue.
 *
 * @module
 */

type Bytes = Uint8Array<ArrayBuffer>;

const libc = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  accept: { parameters: ["i32", "pointer", "pointer"], result: "i32", nonblocking: true },
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "i64", nonblocking: true },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true },
  read: { parameters: ["i32", "buffer", "usize"], result: "i64" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i64" },
  mmap: {
    parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"],
    result: "pointer",
  },
  close: { parameters: ["i32"], result: "i32" },
}).symbols;

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const POLLIN = 1;
const KICK_POLL_MS = 500;

const addressOf = (bytes: Bytes) => BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
const bytesOf = (...words: bigint[]): Bytes => new Uint8Array(new BigUint64Array(words).buffer);

/** Requests of the front end. */
const Request = {
  getFeatures: 1,
  setMemoryTable: 5,
  setRingSize: 8,
  setRingAddresses: 9,
  setRingBase: 10,
  getRingBase: 11,
  setRingKick: 12,
  setRingCall: 13,
  getProtocolFeatures: 15,
  getQueueCount: 17,
  setRingEnabled: 18,
  getConfig: 24,
} as const;

const NEEDS_REPLY = 8;
const REPLY_FLAGS = 5;
const HEADER_BYTES = 12;
/** VIRTIO_F_VERSION_1 and VHOST_USER_F_PROTOCOL_FEATURES. */
const FEATURES = 1n << 32n | 1n << 30n;
/** MQ and REPLY_ACK. */
const PROTOCOL_FEATURES = 1n << 0n | 1n << 3n;

/** Flags of a descriptor. */
const NEXT = 1;
const WRITABLE = 2;
const MAX_CHAIN = 16;

/** A part of the guest's memory, at a guest's address and at an address of the front end. */
interface Region {
  readonly guest: bigint;
  readonly front: bigint;
  readonly size: bigint;
  readonly memory: Bytes;
}

/** The guest's memory. */
class GuestMemory {
  #regions: Region[] = [];

  map(table: DataView, files: readonly number[]): void {
    this.#regions = files.map((file, i) => {
      const [guest, size, front, offset] = [0, 8, 16, 24].map((at) =>
        table.getBigUint64(8 + i * 32 + at, true)
      );
      const start = libc.mmap(null, size + offset, PROT_READ_WRITE, MAP_SHARED, file, 0n);
      libc.close(file);
      const all = Deno.UnsafePointerView.getArrayBuffer(start!, Number(size + offset));
      return { guest, front, size, memory: new Uint8Array(all, Number(offset)) };
    });
  }

  /** Returns the memory from an address on, to the end of its region. */
  at(address: bigint, space: "guest" | "front"): Bytes {
    for (const region of this.#regions) {
      const offset = address - region[space];
      if (offset >= 0n && offset < region.size) return region.memory.subarray(Number(offset));
    }
    throw new Error(`No memory of the guest is at ${address.toString(16)}`);
  }
}

/** What the device does with a request of the driver's. */
export type Answer = (request: Uint8Array) => Promise<Uint8Array>;

/** Split virtqueue (virtio 1.2, section 2.7). */
class Virtqueue {
  readonly #memory: GuestMemory;
  readonly #answer: Answer;
  size = 0;
  descriptors = 0n;
  available = 0n;
  used = 0n;
  /** Entries of the available ring that were taken. */
  taken = 0;
  kick = -1;
  call = -1;
  enabled = false;
  /** Ends the loop of an earlier kick descriptor. */
  #generation = 0;
  /** The driver sends the request and the room for its response as two chains. */
  #pending: { readonly id: number; readonly request: Bytes } | undefined;

  constructor(memory: GuestMemory, answer: Answer) {
    this.#memory = memory;
    this.#answer = answer;
  }

  restart(): void {
    const generation = ++this.#generation;
    if (this.enabled && this.kick >= 0) this.#run(generation);
  }

  stop(): void {
    this.#generation++;
  }

  signal(): void {
    if (this.call >= 0) libc.write(this.call, bytesOf(1n), 8n);
  }

  /** QEMU's eventfds do not block: they are polled, then read. */
  async #run(generation: number): Promise<void> {
    const file = new Uint8Array(8);
    new DataView(file.buffer).setInt32(0, this.kick, true);
    file[4] = POLLIN;
    while (this.#generation === generation) {
      await libc.poll(file, 1n, KICK_POLL_MS);
      if (this.#generation !== generation) return;
      libc.read(this.kick, new Uint8Array(8), 8n);
      await this.#serve();
    }
  }

  #view(address: bigint): DataView {
    const { buffer, byteOffset } = this.#memory.at(address, "front");
    return new DataView(buffer, byteOffset);
  }

  async #serve(): Promise<void> {
    const available = this.#view(this.available);
    let used = false;
    while (available.getUint16(2, true) !== this.taken) {
      const id = available.getUint16(4 + (this.taken % this.size) * 2, true);
      this.taken = (this.taken + 1) & 0xffff;
      const { readable, writable } = this.#chain(id);
      if (readable.length > 0) {
        const request = new Uint8Array(readable.reduce((sum, part) => sum + part.length, 0));
        let at = 0;
        for (const part of readable) {
          request.set(part, at);
          at += part.length;
        }
        this.#pending = { id, request };
        if (writable.length === 0) continue;
      }
      const pending = this.#pending;
      if (pending === undefined) throw new Error("The driver gave room for no response");
      this.#pending = undefined;
      const response = await this.#answer(pending.request);
      let sent = 0;
      for (const part of writable) {
        const piece = response.subarray(sent, sent + part.length);
        part.set(piece);
        sent += piece.length;
      }
      if (pending.id !== id) this.#push(pending.id, 0);
      this.#push(id, sent);
      used = true;
    }
    if (used) this.signal();
  }

  #chain(head: number): { readable: Bytes[]; writable: Bytes[] } {
    const table = this.#view(this.descriptors);
    const readable: Bytes[] = [];
    const writable: Bytes[] = [];
    let id = head;
    for (let i = 0; i < MAX_CHAIN; i++) {
      const at = id * 16;
      const length = table.getUint32(at + 8, true);
      const flags = table.getUint16(at + 12, true);
      const memory = this.#memory.at(table.getBigUint64(at, true), "guest").subarray(0, length);
      ((flags & WRITABLE) === 0 ? readable : writable).push(memory);
      if ((flags & NEXT) === 0) break;
      id = table.getUint16(at + 14, true);
    }
    return { readable, writable };
  }

  #push(id: number, bytes: number): void {
    const ring = this.#view(this.used);
    const index = ring.getUint16(2, true);
    const entry = 4 + (index % this.size) * 8;
    ring.setUint32(entry, id, true);
    ring.setUint32(entry + 4, bytes, true);
    ring.setUint16(2, (index + 1) & 0xffff, true);
  }
}

/** The socket of a front end, whose messages may come with descriptors. */
class FrontEnd {
  readonly #socket: number;

  constructor(socket: number) {
    this.#socket = socket;
  }

  /** Resolves to the next `length` bytes, and the descriptors that came with them; undefined at the end. */
  async receive(length: number): Promise<{ data: DataView; files: number[] } | undefined> {
    const data = new Uint8Array(length);
    const files: number[] = [];
    for (let got = 0; got < length;) {
      const control = new Uint8Array(256);
      const vector = bytesOf(addressOf(data) + BigInt(got), BigInt(length - got));
      // msghdr: no name, one vector, control data.
      const message = bytesOf(0n, 0n, addressOf(vector), 1n, addressOf(control), 256n, 0n);
      const count = Number(await libc.recvmsg(this.#socket, message, 0));
      if (count <= 0) return undefined;
      got += count;
      const controlBytes = new DataView(message.buffer).getBigUint64(40, true);
      if (controlBytes < 16n) continue;
      const view = new DataView(control.buffer);
      const end = Number(view.getBigUint64(0, true));
      for (let at = 16; at + 4 <= end; at += 4) files.push(view.getInt32(at, true));
    }
    return { data: new DataView(data.buffer), files };
  }

  reply(request: number, body: Bytes): void {
    const message = new Uint8Array(HEADER_BYTES + body.length);
    const view = new DataView(message.buffer);
    view.setUint32(0, request, true);
    view.setUint32(4, REPLY_FLAGS, true);
    view.setUint32(8, body.length, true);
    message.set(body, HEADER_BYTES);
    libc.write(this.#socket, message, BigInt(message.length));
  }
}

/** Listens on a Unix socket, calls `ready`, and serves one front end until it closes. */
export async function serveDevice(path: string, answer: Answer, ready: () => void): Promise<void> {
  const address = new Uint8Array(110);
  address[0] = AF_UNIX;
  address.set(new TextEncoder().encode(path), 2);
  const listener = libc.socket(AF_UNIX, SOCK_STREAM, 0);
  if (libc.bind(listener, address, address.length) !== 0 || libc.listen(listener, 1) !== 0) {
    throw new Error(`Cannot listen on ${path}`);
  }
  ready();
  const front = new FrontEnd(await libc.accept(listener, null, null));
  const memory = new GuestMemory();
  const queue = new Virtqueue(memory, answer);
  for (;;) {
    const header = await front.receive(HEADER_BYTES);
    if (header === undefined) break;
    const [request, flags, size] = [0, 4, 8].map((at) => header.data.getUint32(at, true));
    const body = size === 0
      ? { data: new DataView(new ArrayBuffer(0)), files: [] }
      : await front.receive(size);
    if (body === undefined) break;
    const reply = carryOut(request, body.data, [...header.files, ...body.files], memory, queue);
    if (reply !== undefined) front.reply(request, reply);
    else if ((flags & NEEDS_REPLY) !== 0) front.reply(request, bytesOf(0n));
  }
  queue.stop();
}

/** Carries out a request; returns its reply, if it has one. */
function carryOut(
  request: number,
  body: DataView,
  files: readonly number[],
  memory: GuestMemory,
  queue: Virtqueue,
): Bytes | undefined {
  switch (request) {
    case Request.getFeatures:
      return bytesOf(FEATURES);
    case Request.getProtocolFeatures:
      return bytesOf(PROTOCOL_FEATURES);
    case Request.getQueueCount:
      return bytesOf(1n);
    case Request.getConfig:
      return new Uint8Array(body.buffer as ArrayBuffer);
    case Request.setMemoryTable:
      memory.map(body, files);
      return;
    case Request.setRingSize:
      queue.size = body.getUint32(4, true);
      return;
    case Request.setRingAddresses:
      [queue.descriptors, queue.used, queue.available] = [8, 16, 24].map((at) =>
        body.getBigUint64(at, true)
      );
      return;
    case Request.setRingBase:
      queue.taken = body.getUint32(4, true);
      return;
    case Request.getRingBase: {
      queue.stop();
      const base = new Uint8Array(8);
      new DataView(base.buffer).setUint32(4, queue.taken, true);
      return base;
    }
    case Request.setRingKick:
      queue.kick = files[0] ?? -1;
      queue.restart();
      return;
    case Request.setRingCall:
      queue.call = files[0] ?? -1;
      // Once for nothing, so that an interrupt of before is not lost.
      queue.signal();
      return;
    case Request.setRingEnabled: {
      const enabled = body.getUint32(4, true) === 1;
      if (enabled !== queue.enabled) {
        queue.enabled = enabled;
        queue.restart();
      }
      return;
    }
  }
}
