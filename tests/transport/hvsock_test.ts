import assert from "node:assert/strict";
import { TransportError } from "../../src/errors.ts";
import { dial } from "../../src/transport/dial.ts";
import { listen } from "../../src/transport/listen.ts";
import type { ByteStream, Listener } from "../../src/transport/types.ts";
import { drain, readExactly, transportSuite, writeAll } from "./suite.ts";

const text = new TextEncoder();

/** A VMM's door on a Unix socket: `answer` gets each connection and the request line it sent. */
interface Door extends AsyncDisposable {
  path: string;
  requests: string[];
}

type Answer = (conn: Deno.Conn, sendConnect: number) => Promise<void> | void;

/** Reads up to and with the newline. */
async function readLine(conn: { read(b: Uint8Array): Promise<number | null> }): Promise<string> {
  let line = "";
  const byte = new Uint8Array(1);
  while (!line.endsWith("\n") && await conn.read(byte) !== null) {
    line += String.fromCharCode(byte[0]);
  }
  return line;
}

async function openDoor(answer: Answer): Promise<Door> {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/vm.sock`;
  const listener = Deno.listen({ transport: "unix", path });
  const requests: string[] = [];
  const conns: Deno.Conn[] = [];
  const serving = (async () => {
    for await (const conn of listener) {
      conns.push(conn);
      requests.push(await readLine(conn));
      await answer(conn, requests.length);
    }
  })();
  return {
    path,
    requests,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
      for (const conn of conns) {
        try {
          conn.close();
        } catch {
          // Closed by the script.
        }
      }
      await Deno.remove(dir, { recursive: true });
    },
  };
}

async function dialDoor(door: Door, timeoutMs = 5000): Promise<ByteStream> {
  return await dial(`hvsock:${door.path}:5000`, { timeoutMs });
}

Deno.test("hvsock dial asks in one line and keeps the bytes behind the reply", async () => {
  await using door = await openDoor(async (conn) => {
    await conn.write(text.encode("OK 1073741824\nhello from the guest"));
  });
  const stream = await dialDoor(door);
  assert.deepEqual(door.requests, ["CONNECT 5000\n"]);
  assert.equal(
    new TextDecoder().decode(await readExactly(stream, 20)),
    "hello from the guest",
  );
  assert.deepEqual(stream.peer, { address: `hvsock:${door.path}:5000`, transport: "hvsock" });
  stream.close();
});

Deno.test("hvsock dial sends its request in one write", async () => {
  const dir = await Deno.makeTempDir();
  const listener = Deno.listen({ transport: "unix", path: `${dir}/vm.sock` });
  const dialling = dial(`hvsock:${dir}/vm.sock:5000`);
  const conn = await listener.accept();
  const buffer = new Uint8Array(100);
  const count = await conn.read(buffer);
  assert.equal(new TextDecoder().decode(buffer.subarray(0, count!)), "CONNECT 5000\n");
  await conn.write(text.encode("OK 1\n"));
  (await dialling).close();
  conn.close();
  listener.close();
  await Deno.remove(dir, { recursive: true });
});

Deno.test("hvsock dial takes a reply that comes byte by byte", async () => {
  await using door = await openDoor(async (conn) => {
    for (const byte of text.encode("OK 7\nx")) {
      await conn.write(new Uint8Array([byte]));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  });
  const stream = await dialDoor(door);
  assert.deepEqual(await readExactly(stream, 1), text.encode("x"));
  stream.close();
});

Deno.test("hvsock dial asks again when the door closes silently, until the guest listens", async () => {
  await using door = await openDoor(async (conn, sendConnect) => {
    if (sendConnect < 4) conn.close();
    else await conn.write(text.encode("OK 9\n"));
  });
  const stream = await dialDoor(door);
  assert.equal(door.requests.length, 4);
  stream.close();
});

Deno.test("hvsock dial says how often it asked a guest that does not listen", async () => {
  await using door = await openDoor((conn) => conn.close());
  await assert.rejects(dialDoor(door, 500), (error: Error) => {
    assert.ok(error instanceof TransportError);
    const tries = /guest is not listening on port 5000 \((\d+) tries in 0\.5 s\)$/.exec(
      error.message,
    );
    assert.ok(tries !== null, error.message);
    assert.ok(Number(tries[1]) >= 2 && Number(tries[1]) <= 5, error.message);
    assert.equal(error.address, `hvsock:${door.path}:5000`);
    return true;
  });
});

Deno.test("hvsock dial gives a silent door its own timeout and asks again", async () => {
  await using door = await openDoor(async (conn, sendConnect) => {
    if (sendConnect > 1) await conn.write(text.encode("OK 1\n"));
  });
  const stream = await dialDoor(door);
  assert.equal(door.requests.length, 2);
  stream.close();
});

Deno.test("hvsock dial ends at the connect deadline though the door is silent", async () => {
  await using door = await openDoor(() => {});
  await assert.rejects(
    dialDoor(door, 200),
    /guest is not listening on port 5000 \(1 try in 0\.2 s\)$/,
  );
});

for (
  const reply of [
    "ERR 1\n",
    "OK\n",
    "OK \n",
    "OK 5000\r\n",
    "ok 1\n",
    "OK 1 2\n",
    "OK -1\n",
    "OK 12345678901\n",
    "\n",
    "HTTP/1.1 400 Bad Request\r\n",
    "x".repeat(100),
  ]
) {
  Deno.test(`hvsock dial takes ${JSON.stringify(reply.slice(0, 20))} for no door`, async () => {
    await using door = await openDoor(async (conn) => {
      await conn.write(text.encode(reply));
    });
    await assert.rejects(dialDoor(door), (error: Error) => {
      assert.ok(error instanceof TransportError);
      assert.match(error.message, /the socket answered ".*" instead of "OK <number>"/);
      return true;
    });
    assert.equal(door.requests.length, 1);
  });
}

Deno.test("hvsock dial rejects a reply cut off by a close", async () => {
  await using door = await openDoor(async (conn) => {
    await conn.write(text.encode("OK 1"));
    conn.close();
  });
  await assert.rejects(dialDoor(door), /the socket answered "OK 1" instead/);
});

Deno.test("hvsock dial says when there is no door", async () => {
  await assert.rejects(
    dial("hvsock:/nowhere/vm.sock:5000", { timeoutMs: 5000 }),
    /there is no such socket; is the virtual machine running\?$/,
  );
});

Deno.test("hvsock listen makes PATH_PORT and removes it", async () => {
  const dir = await Deno.makeTempDir();
  const address = `hvsock:${dir}/vm.sock:5000`;
  const listener = await listen(address);
  assert.equal(listener.address, address);
  assert.ok(Deno.lstatSync(`${dir}/vm.sock_5000`).isSocket);
  const [client, server] = await Promise.all([
    dial(`unix:${dir}/vm.sock_5000`),
    listener.accept(),
  ]);
  assert.deepEqual(server!.peer, { address, transport: "hvsock" });
  client.close();
  server!.close();
  listener.close();
  assert.deepEqual([...Deno.readDirSync(dir)], []);
  await Deno.remove(dir);
});

Deno.test("hvsock listen refuses a path that gets too long with its port", async () => {
  const path = `/tmp/${"a".repeat(100)}`;
  await assert.rejects(listen(`hvsock:${path}:5000`), (error: Error) => {
    assert.ok(error instanceof RangeError);
    assert.match(error.message, /takes 110 bytes, limit is 107/);
    return true;
  });
});

/** Joins two connections both ways, as a VMM does. */
function splice(door: Deno.Conn, guest: ByteStream): void {
  const copy = async (
    from: { read(b: Uint8Array): Promise<number | null> },
    to: { write(b: Uint8Array): Promise<number>; closeWrite(): Promise<void> },
  ) => {
    const buffer = new Uint8Array(65536);
    for (;;) {
      const count = await from.read(buffer);
      if (count === null) return await to.closeWrite();
      for (let sent = 0; sent < count;) sent += await to.write(buffer.subarray(sent, count));
    }
  };
  // An end that goes away takes the other with it, unless it was an orderly end of one direction.
  const close = () => {
    guest.close();
    try {
      door.close();
    } catch {
      // Closed already.
    }
  };
  Promise.all([copy(door, guest), copy(guest, door)]).then(close, close);
}

/** A whole VMM: the door leads to the guest's own listener, if there is one. */
transportSuite("hvsock through a door", async () => {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/vm.sock`;
  const guest = `memory:${crypto.randomUUID()}`;
  const door = Deno.listen({ transport: "unix", path });
  let silent = false;
  const held: Deno.Conn[] = [];
  const serving = (async () => {
    for await (const conn of door) {
      (async () => {
        const port = /^CONNECT (\d+)\n$/.exec(await readLine(conn))?.[1];
        assert.equal(port, "5000");
        if (silent) {
          held.push(conn);
          return;
        }
        const stream = await dial(guest);
        await conn.write(text.encode(`OK ${4096 + Math.trunc(Math.random() * 1000)}\n`));
        splice(conn, stream);
      })().catch(() => conn.close());
    }
  })();
  return {
    transport: "hvsock",
    async listen(): Promise<Listener> {
      const listener = await listen(guest);
      return {
        address: `hvsock:${path}:5000`,
        async accept() {
          const stream = await listener.accept();
          return stream === null ? null : named(stream);
        },
        close: () => listener.close(),
      };
    },
    dial: (listener, options) => dial(listener.address, options),
    dialNobody: (options) => dial(`hvsock:${path}:5000`, { timeoutMs: 150, ...options }),
    dialSilent(options) {
      silent = true;
      return dial(`hvsock:${path}:5000`, options);
    },
    async cleanUp() {
      door.close();
      await serving;
      for (const conn of held) conn.close();
      await Deno.remove(dir, { recursive: true });
    },
  };
});

/** The guest's end, under the name that the suite expects on both ends. */
function named(stream: ByteStream): ByteStream {
  return {
    read: (buffer) => stream.read(buffer),
    write: (data) => stream.write(data),
    closeWrite: () => stream.closeWrite(),
    close: () => stream.close(),
    peer: { address: stream.peer.address, transport: "hvsock" },
    localAddress: stream.localAddress,
  };
}

Deno.test("hvsock dial keeps leftovers of every length, before more", async () => {
  for (const length of [0, 1, 490, 505]) {
    const guestBytes = new Uint8Array(length).fill(7);
    await using door = await openDoor(async (conn) => {
      await conn.write(new Uint8Array([...text.encode("OK 1\n"), ...guestBytes]));
      await conn.write(new Uint8Array(1000).fill(7));
      await conn.closeWrite();
    });
    const stream = await dialDoor(door);
    await writeAll(stream, text.encode("x"));
    assert.deepEqual(await drain(stream), { bytes: length + 1000, sum: 7 * (length + 1000) });
    stream.close();
  }
});
