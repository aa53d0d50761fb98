import assert from "node:assert/strict";
import { TransportError } from "../../src/errors.ts";
import { dial } from "../../src/transport/dial.ts";
import { listen } from "../../src/transport/listen.ts";
import type { ByteStream, Listener } from "../../src/transport/types.ts";
import { drain, readExactly, transportSuite, writeAll } from "./suite.ts";

const text = new TextEncoder();

/** A VMM's Unix socket; `answer` receives each connection and its request line. */
interface Monitor extends AsyncDisposable {
  path: string;
  requests: string[];
}

type Answer = (conn: Deno.Conn, sendConnect: number) => Promise<void> | void;

/** Reads a line, with its newline. */
async function readLine(conn: { read(b: Uint8Array): Promise<number | null> }): Promise<string> {
  let line = "";
  const byte = new Uint8Array(1);
  while (!line.endsWith("\n") && await conn.read(byte) !== null) {
    line += String.fromCharCode(byte[0]);
  }
  return line;
}

async function openMonitor(answer: Answer): Promise<Monitor> {
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

async function dialMonitor(monitor: Monitor, timeoutMs = 5000): Promise<ByteStream> {
  return await dial(`hvsock:${monitor.path}:5000`, { timeoutMs });
}

Deno.test("hvsock dial sends one line and keeps the bytes after the answer", async () => {
  await using monitor = await openMonitor(async (conn) => {
    await conn.write(text.encode("OK 1073741824\nhello from the guest"));
  });
  const stream = await dialMonitor(monitor);
  assert.deepEqual(monitor.requests, ["CONNECT 5000\n"]);
  assert.equal(
    new TextDecoder().decode(await readExactly(stream, 20)),
    "hello from the guest",
  );
  assert.deepEqual(stream.peer, { address: `hvsock:${monitor.path}:5000`, transport: "hvsock" });
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

Deno.test("hvsock dial accepts an answer that arrives byte by byte", async () => {
  await using monitor = await openMonitor(async (conn) => {
    for (const byte of text.encode("OK 7\nx")) {
      await conn.write(new Uint8Array([byte]));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  });
  const stream = await dialMonitor(monitor);
  assert.deepEqual(await readExactly(stream, 1), text.encode("x"));
  stream.close();
});

Deno.test("hvsock dial repeats CONNECT after a silent close, until the guest listens", async () => {
  await using monitor = await openMonitor(async (conn, sendConnect) => {
    if (sendConnect < 4) conn.close();
    else await conn.write(text.encode("OK 9\n"));
  });
  const stream = await dialMonitor(monitor);
  assert.equal(monitor.requests.length, 4);
  stream.close();
});

Deno.test("hvsock dial reports its number of tries if the guest does not listen", async () => {
  await using monitor = await openMonitor((conn) => conn.close());
  await assert.rejects(dialMonitor(monitor, 500), (error: Error) => {
    assert.ok(error instanceof TransportError);
    const tries = /guest is not listening on port 5000 \((\d+) tries in 0\.5 s\)$/.exec(
      error.message,
    );
    assert.ok(tries !== null, error.message);
    assert.ok(Number(tries[1]) >= 2 && Number(tries[1]) <= 5, error.message);
    assert.equal(error.address, `hvsock:${monitor.path}:5000`);
    return true;
  });
});

Deno.test("hvsock dial repeats CONNECT after the reply timeout", async () => {
  await using monitor = await openMonitor(async (conn, sendConnect) => {
    if (sendConnect > 1) await conn.write(text.encode("OK 1\n"));
  });
  const stream = await dialMonitor(monitor);
  assert.equal(monitor.requests.length, 2);
  stream.close();
});

Deno.test("hvsock dial ends at its timeout if the monitor never answers", async () => {
  await using monitor = await openMonitor(() => {});
  await assert.rejects(
    dialMonitor(monitor, 200),
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
  Deno.test(`hvsock dial rejects the answer ${JSON.stringify(reply.slice(0, 20))}`, async () => {
    await using monitor = await openMonitor(async (conn) => {
      await conn.write(text.encode(reply));
    });
    await assert.rejects(dialMonitor(monitor), (error: Error) => {
      assert.ok(error instanceof TransportError);
      assert.match(error.message, /the socket answered ".*" instead of "OK <number>"/);
      return true;
    });
    assert.equal(monitor.requests.length, 1);
  });
}

Deno.test("hvsock dial rejects an answer that is cut off by a close", async () => {
  await using monitor = await openMonitor(async (conn) => {
    await conn.write(text.encode("OK 1"));
    conn.close();
  });
  await assert.rejects(dialMonitor(monitor), /the socket answered "OK 1" instead/);
});

Deno.test("hvsock dial reports a socket that does not exist", async () => {
  await assert.rejects(
    dial("hvsock:/nowhere/vm.sock:5000", { timeoutMs: 5000 }),
    /the socket does not exist; is the virtual machine running\?$/,
  );
});

Deno.test("hvsock listen creates PATH_PORT and removes it", async () => {
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
  await listener.close();
  assert.deepEqual([...Deno.readDirSync(dir)], []);
  await Deno.remove(dir);
});

Deno.test("hvsock listen rejects a path that is too long with its port", async () => {
  const path = `/tmp/${"a".repeat(100)}`;
  await assert.rejects(listen(`hvsock:${path}:5000`), (error: Error) => {
    assert.ok(error instanceof RangeError);
    assert.match(error.message, /takes 110 bytes, limit is 107/);
    return true;
  });
});

/** Joins two connections both ways, as a VMM does. */
function splice(monitor: Deno.Conn, guest: ByteStream): void {
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
  // A close of one end closes the other; an orderly end of one direction is passed on.
  const close = () => {
    guest.close();
    try {
      monitor.close();
    } catch {
      // Closed already.
    }
  };
  Promise.all([copy(monitor, guest), copy(guest, monitor)]).then(close, close);
}

/** A VMM, whose socket leads to the guest's listener, if there is one. */
transportSuite("hvsock through a monitor", async () => {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/vm.sock`;
  const guest = `memory:${crypto.randomUUID()}`;
  const monitor = Deno.listen({ transport: "unix", path });
  let silent = false;
  const held: Deno.Conn[] = [];
  const serving = (async () => {
    for await (const conn of monitor) {
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
    dialWithoutListener: (options) =>
      dial(`hvsock:${path}:5000`, { ...options, timeoutMs: options?.timeoutMs ?? 150 }),
    dialSilent(options) {
      silent = true;
      return dial(`hvsock:${path}:5000`, options);
    },
    async cleanUp() {
      monitor.close();
      await serving;
      for (const conn of held) conn.close();
      await Deno.remove(dir, { recursive: true });
    },
  };
});

/** The guest's end, with the address that the suite expects at both ends. */
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

Deno.test("hvsock dial keeps bytes after the answer, of any length, before later ones", async () => {
  for (const length of [0, 1, 490, 505]) {
    const guestBytes = new Uint8Array(length).fill(7);
    await using monitor = await openMonitor(async (conn) => {
      await conn.write(new Uint8Array([...text.encode("OK 1\n"), ...guestBytes]));
      await conn.write(new Uint8Array(1000).fill(7));
      await conn.closeWrite();
    });
    const stream = await dialMonitor(monitor);
    await writeAll(stream, text.encode("x"));
    assert.deepEqual(await drain(stream), { bytes: length + 1000, sum: 7 * (length + 1000) });
    stream.close();
  }
});
