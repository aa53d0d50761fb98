/** Attacks on WebSockets that carry lean. */

import { concat, text } from "../../fixtures/bytes.ts";
import { clientFrame } from "../../websocket/frames.ts";
import { type Attack, attacksOn, flood, repeat, wait } from "./attack.ts";
import { hello } from "./lean_attacks.ts";
import type { RawConnection } from "./raw_connection.ts";

const FLOODS = "floods";
const RULES = "broken rules";
const SLOW = "slow input";

function handshake(connection: RawConnection, origin = ""): Uint8Array {
  const { port } = connection.conn.remoteAddr as Deno.NetAddr;
  const fields = [
    `Host: localhost:${port}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol: vrpc-lean.1",
    ...origin === "" ? [] : [`Origin: ${origin}`],
  ];
  return text(`GET / HTTP/1.1\r\n${fields.join("\r\n")}\r\n\r\n`);
}

const attack = attacksOn("websocket");

/** Opens a WebSocket, sends lean's hello in it and then the same bytes until the connection ends. */
const floodOf = (bytes: Uint8Array) => async (connection: RawConnection) => {
  const opening = concat(handshake(connection), clientFrame(2, hello()));
  if (await connection.write(opening)) await flood(connection, repeat(bytes, 1_000));
};

/** Opens a WebSocket, sends bytes and waits for the end. */
const once = (bytes: Uint8Array) => async (connection: RawConnection) => {
  if (await connection.write(concat(handshake(connection), bytes))) await wait(connection);
};

/** All attacks on WebSockets. */
export const WEBSOCKET_ATTACKS: readonly Attack[] = [
  attack("pings", FLOODS, floodOf(clientFrame(9, new Uint8Array(125)))),
  attack("pings whose answers are not read", FLOODS, floodOf(clientFrame(9, new Uint8Array(125))), {
    reading: false,
  }),
  attack("pongs", FLOODS, floodOf(clientFrame(10))),
  attack("empty messages", FLOODS, floodOf(clientFrame(2))),
  attack(
    "endless empty fragments",
    FLOODS,
    async (connection) => {
      const opening = concat(handshake(connection), clientFrame(2, hello(), { final: false }));
      if (!await connection.write(opening)) return;
      await flood(connection, repeat(clientFrame(0, new Uint8Array(), { final: false }), 1_000));
    },
  ),
  attack("messages of one octet", FLOODS, floodOf(clientFrame(2, Uint8Array.of(1)))),
  attack(
    "a message of 2^62 octets",
    RULES,
    once(Uint8Array.of(0x82, 0xff, 0x40, ...new Uint8Array(11))),
  ),
  attack("frames without a mask", RULES, once(clientFrame(2, hello(), { masked: false }))),
  attack("handshakes of foreign pages", RULES, async (connection) => {
    const bytes = handshake(connection, "https://evil.example");
    await flood(connection, repeat(bytes, 100));
  }),
  attack("half a frame", SLOW, once(clientFrame(2, hello()).subarray(0, 20)), {
    connections: 1_000,
  }),
];
