import { concat } from "../../fixtures/bytes.ts";
import { sleep } from "../../fixtures/waiting.ts";
import type { RawConnection } from "./raw_connection.ts";
import type { AttackerTask, Wire } from "./report.ts";

/** Attack on a server. */
export interface Attack {
  readonly name: string;
  /** Class in the threat table. */
  readonly group: string;
  readonly wire: Wire;
  /** Number of concurrent connections. Default 3. */
  readonly connections?: number;
  /** Whether to read what the server sends. Default true. */
  readonly reading?: boolean;
  /** Whether to run it over TLS too, or only so. Default false. */
  readonly tls?: boolean | "only";
  /** Program to attack: that of `cmd/server.ts`, or `attested_server.ts`. Default `server`. */
  readonly victim?: "server" | "attested";
  /** Attacks until the connection ends. */
  run(connection: RawConnection): Promise<void>;
  /** In place of `run`: attacks once on a connection of its own; resolves to the bytes sent. */
  session?(task: AttackerTask, count: (what: string) => void): Promise<number>;
}

/** Repeats bytes. */
export function repeat(bytes: Uint8Array, times: number): Uint8Array {
  return concat(...new Array<Uint8Array>(times).fill(bytes));
}

/** Writes the same bytes until the connection ends. */
export async function flood(connection: RawConnection, bytes: Uint8Array): Promise<void> {
  while (await connection.write(bytes));
}

/** Writes the results of `make`, called with 0, 1, 2 …, until the connection ends. */
export async function keepOn(
  connection: RawConnection,
  make: (round: number) => Uint8Array,
): Promise<void> {
  for (let round = 0; await connection.write(make(round)); round++);
}

/** Returns a function that creates attacks on one wire. */
export function attacksOn(
  wire: Wire,
): (
  name: string,
  group: string,
  run: (connection: RawConnection) => Promise<unknown>,
  more?: Partial<Attack>,
) => Attack {
  return (name, group, run, more = {}) => ({
    name,
    group,
    wire,
    async run(connection) {
      await run(connection);
    },
    ...more,
  });
}

/** Returns a function that creates attacks which write the same frames after `begin`, until the connection ends. */
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

/** Waits for the end of the connection. */
export async function wait(connection: RawConnection): Promise<void> {
  while (connection.open) await sleep(20);
}

/** Changes the length in the trailer of a gzip member to 1 byte. */
export function lying(member: Uint8Array): Uint8Array {
  return concat(member.subarray(0, -4), Uint8Array.of(1, 0, 0, 0));
}
