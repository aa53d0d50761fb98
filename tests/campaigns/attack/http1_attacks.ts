/** Attacks over HTTP/1.1 on the host program, and on the port of the server program. */

import { text } from "../../fixtures/bytes.ts";
import { sleep } from "../../fixtures/waiting.ts";
import { type Attack, attacksOn, flood, keepOn, repeat, wait } from "./attack.ts";
import type { RawConnection } from "./raw_connection.ts";
import type { Wire } from "./report.ts";

// The check of Host wants the port, see `on`.
export const HOST = "Host: localhost\r\n";
const BODY_BYTES = 4_194_304;
// 90 fields, 15 KiB.
const FIELDS = `a:${"b".repeat(166)}\r\n`.repeat(90);

/** A method that takes JSON. */
interface Method {
  readonly path: string;
  readonly body: string;
  /** A path that no method has. */
  readonly almost: string;
}

/** Bytes of requests with the Host of the victim. */
export function on(connection: RawConnection, requests: string): Uint8Array {
  const { port } = connection.conn.remoteAddr as Deno.NetAddr;
  return text(requests.replaceAll(HOST, `Host: localhost:${port}\r\n`));
}

/** Writes text once, then waits for the end. */
const once = (requests: string) => async (connection: RawConnection) => {
  if (await connection.write(on(connection, requests))) await wait(connection);
};

/** Writes bytes, then a further piece every `ms`. */
const drip = (bytes: string, piece: string, ms: number) => async (connection: RawConnection) => {
  if (!await connection.write(on(connection, bytes))) return;
  while (await connection.write(text(piece))) await sleep(ms);
};

const unfinished = new Uint8Array(BODY_BYTES - 1).fill(32);

/** Attacks by HTTP/1.1 on the wire `wire`, some of them with calls of a method. */
function attacksBy(wire: Wire, { path, body, almost }: Method): Attack[] {
  const attack = attacksOn(wire);
  const head = (path: string) =>
    `POST ${path} HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n`;
  const call = (path: string) => `${head(path)}Content-Length: ${body.length}\r\n\r\n${body}`;
  return [
    attack("half a header section", "slow input", once(`GET / HTTP/1.1\r\n${HOST}X:`), {
      connections: 3_000,
    }),
    attack(
      "a header section, octet by octet",
      "slow input",
      drip(`GET / HTTP/1.1\r\n${HOST}X: `, "x", 100),
      {
        connections: 500,
      },
    ),
    attack("silent connections", "slow input", wait, { connections: 3_000 }),
    attack(
      "bodies of 4 MiB that lack their last octet",
      "messages never completed",
      async (connection) => {
        if (
          !await connection.write(
            on(connection, `${head(path)}Content-Length: ${BODY_BYTES}\r\n\r\n`),
          )
        ) {
          return;
        }
        if (await connection.write(unfinished)) await wait(connection);
      },
      { connections: 200 },
    ),
    attack(
      "a body, octet by octet",
      "slow input",
      drip(`${head(path)}Content-Length: ${BODY_BYTES}\r\n\r\n`, " ", 50),
      {
        connections: 500,
      },
    ),
    attack("chunks of one octet", "floods", async (connection) => {
      if (
        !await connection.write(on(connection, `${head(path)}Transfer-Encoding: chunked\r\n\r\n`))
      ) {
        return;
      }
      await flood(connection, repeat(text("1\r\n \r\n"), 5_000));
    }),
    attack("chunk extensions without end", "floods", async (connection) => {
      if (
        !await connection.write(on(connection, `${head(path)}Transfer-Encoding: chunked\r\n\r\n`))
      ) {
        return;
      }
      await flood(connection, repeat(text(`1;${"a".repeat(1_000)}\r\n \r\n`), 20));
    }),
    attack(
      "requests sent ahead, responses read",
      "floods",
      (connection) => flood(connection, on(connection, call(path).repeat(500))),
    ),
    attack(
      "requests sent ahead, responses not read",
      "slow readers",
      (connection) =>
        flood(connection, on(connection, `GET / HTTP/1.1\r\n${HOST}\r\n`.repeat(1_000))),
      { reading: false, connections: 100 },
    ),
    attack(
      "malformed requests",
      "malformed input",
      (connection) => keepOn(connection, () => on(connection, `GET / HTTP/1.1\n${HOST}\r\n`)),
      { connections: 20 },
    ),
    attack(
      "header sections of 16 KiB in many fields",
      "large header lists",
      (connection) =>
        flood(
          connection,
          on(connection, `GET /healthz HTTP/1.1\r\n${HOST}${FIELDS}\r\n`.repeat(20)),
        ),
    ),
    attack(
      "unknown paths with names close to known ones",
      "unknown methods",
      (connection) =>
        flood(
          connection,
          on(connection, call(almost).repeat(200)),
        ),
    ),
  ];
}

/** Attacks on the host program. */
export const HTTP1_ATTACKS: readonly Attack[] = attacksBy("http1", {
  path: "/echo",
  body: '{"xid":"hello"}',
  almost: "/vrpc.enclave.v1.EnclaveService/Ecko",
});

/** The same attacks on `serve` with `web`. */
export const WEB_ATTACKS: readonly Attack[] = attacksBy("web", {
  path: "/vrpc.echo.v1.EchoService/Echo",
  body: '{"payload":"aGVsbG8="}',
  almost: "/vrpc.echo.v1.EchoService/Ecko",
});
