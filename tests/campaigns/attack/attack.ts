import { concat } from "../../fixtures/bytes.ts";
import { sleep } from "../../fixtures/waiting.ts";
import type { RawConnection } from "./raw_connection.ts";

/** One way to hurt a server. */
export interface Attack {
  readonly name: string;
  /** The class of attack in the threat table. */
  readonly group: string;
  readonly wire: "grpc" | "lean";
  /** How many connections at a time. Default 3. */
  readonly connections?: number;
  /** False to never read what the server sends. Default true. */
  readonly reading?: boolean;
  /** Whether it is also run inside TLS. Default false. */
  readonly tls?: boolean;
  /** Does harm until the connection is over or closed from outside. */
  run(connection: RawConnection): Promise<void>;
}

/** Repeats bytes. */
export function repeat(bytes: Uint8Array, times: number): Uint8Array {
  return concat(...new Array<Uint8Array>(times).fill(bytes));
}

/** Writes the same bytes until the connection is over. */
export async function flood(connection: RawConnection, bytes: Uint8Array): Promise<void> {
  while (await connection.write(bytes));
}

/** Writes what `make` makes until the connection is over; `make` gets 0, 1, 2 … */
export async function keepOn(
  connection: RawConnection,
  make: (round: number) => Uint8Array,
): Promise<void> {
  for (let round = 0; await connection.write(make(round)); round++);
}

/**
 * Makes attacks that open a connection with `begin` and then write the same frames until it is over.
 */
export function floodsAfter(
  wire: Attack["wire"],
  begin: (connection: RawConnection) => Promise<boolean>,
): (name: string, group: string, bytes: Uint8Array, more?: Partial<Attack>) => Attack {
  return (name, group, bytes, more = {}) => ({
    name,
    group,
    wire,
    async run(connection) {
      if (await begin(connection)) await flood(connection, repeat(bytes, 1_000));
    },
    ...more,
  });
}

/** Waits until the connection is over. */
export async function wait(connection: RawConnection): Promise<void> {
  while (connection.open) await sleep(20);
}

/** A gzip member that says in its trailer that it holds 1 byte. */
export function lying(member: Uint8Array): Uint8Array {
  return concat(member.subarray(0, -4), Uint8Array.of(1, 0, 0, 0));
}
