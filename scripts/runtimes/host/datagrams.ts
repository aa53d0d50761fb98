/**
 * `Deno.listenDatagram` for tests that play a name server, by node:dgram. On Node alone: that of Bun has no port yet when
 * `bind` returns.
 *
 * @module
 */

import dgram from "node:dgram";
import { once } from "node:events";

interface Address {
  readonly hostname: string;
  readonly port: number;
}

/** Bound UDP socket. */
class DatagramConn {
  readonly #socket: dgram.Socket;

  constructor({ hostname, port }: Address) {
    // Node binds at once if the lookup of the name does not wait.
    const lookup = (host: string, _family: unknown, found: (...given: unknown[]) => void) =>
      found(null, host, 4);
    this.#socket = dgram.createSocket({ type: "udp4", lookup: lookup as never });
    this.#socket.bind({ port, address: hostname, exclusive: true });
  }

  get addr() {
    const { address, port } = this.#socket.address();
    return { transport: "udp", hostname: address, port };
  }

  send(data: Uint8Array, { hostname, port }: Address): Promise<number> {
    return new Promise((resolve, reject) => {
      const onSent = (error: Error | null, count: number) => error ? reject(error) : resolve(count);
      this.#socket.send(data, port, hostname, onSent);
    });
  }

  close(): void {
    this.#socket.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<[Uint8Array, Address]> {
    const received: [Uint8Array, Address][] = [];
    let wake = Promise.withResolvers<void>();
    this.#socket.on("message", (data, { address, port }) => {
      received.push([new Uint8Array(data), { hostname: address, port }]);
      wake.resolve();
    });
    let closed = false;
    const end = once(this.#socket, "close").then(() => void (closed = true));
    while (!closed) {
      await Promise.race([wake.promise, end]);
      wake = Promise.withResolvers();
      yield* received.splice(0);
    }
  }
}

/** Listens for datagrams. */
export const listenDatagram = (address: Address) => new DatagramConn(address);
