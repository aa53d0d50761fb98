import assert from "node:assert/strict";
import { TransportError } from "../../src/errors.ts";
import type { Address } from "../../src/transport/address.ts";
import { selfSigned } from "../../src/transport/certs.ts";
import { dial } from "../../src/transport/dial.ts";
import { listen } from "../../src/transport/listen.ts";
import { parseAddress } from "../../src/transport/address_parser.ts";
import { captureLog } from "../../src/testing/captured_log.ts";

Deno.test("dial() uses the given resolver and any kind of address it returns", async () => {
  const listener = await listen("memory:resolved");
  const asked: [string, number][] = [];
  const stream = await dial("api.example:443", {
    resolver: (host, port) => {
      asked.push([host, port]);
      return Promise.resolve([parseAddress("memory:resolved")]);
    },
  });
  assert.deepEqual(asked, [["api.example", 443]]);
  assert.equal(stream.peer.transport, "memory");
  stream.close();
  listener.close();
});

Deno.test("dial() tries the next address after a failure", async () => {
  const gone = await listen("127.0.0.1:0");
  gone.close();
  const listener = await listen("127.0.0.1:0");
  const stream = await dial(`ipv4:${gone.address},${listener.address}`);
  assert.equal(stream.peer.address, listener.address);
  stream.close();
  listener.close();
  await assert.rejects(dial(`ipv4:${gone.address},${listener.address}`), (error: Error) => {
    assert.ok(error instanceof TransportError);
    assert.match(error.message, /^Cannot connect to ipv4:.*: connection refused; .*refused$/);
    return true;
  });
});

Deno.test("dial() tries the next address while one does not answer (RFC 8305 §5)", async () => {
  const listener = await listen("memory:answers");
  // A monitor that never answers.
  const path = await Deno.makeTempFile();
  await Deno.remove(path);
  const silent = Deno.listen({ transport: "unix", path });
  const stream = await dial("api.example:1", {
    resolver: () =>
      Promise.resolve([parseAddress(`hvsock:${path}:1`), parseAddress("memory:answers")]),
  });
  assert.equal(stream.peer.transport, "memory");
  stream.close();
  listener.close();
  silent.close();
});

Deno.test("dial() times out and aborts during name resolution", async () => {
  const never = () => new Promise<Address[]>(() => {});
  await assert.rejects(
    dial("api.example:1", { resolver: never, timeoutMs: 20 }),
    /^TransportError: Cannot connect to api\.example:1: timed out after 20 ms$/,
  );
  const reason = new Error("enough");
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 10);
  await assert.rejects(
    dial("api.example:1", { resolver: never, signal: controller.signal }),
    (error) => error === reason,
  );
});

Deno.test("dial() reports a name that can't be resolved", async () => {
  await assert.rejects(dial("nobody.invalid:1"), (error: Error) => {
    assert.ok(error instanceof TransportError);
    assert.match(error.message, /^Cannot connect to nobody\.invalid:1: the host name cannot be/);
    return true;
  });
  await assert.rejects(
    dial("a.example:1", { resolver: () => Promise.resolve([]) }),
    /^TransportError: Cannot resolve a\.example:1: the name has no addresses$/,
  );
  await assert.rejects(
    dial("a.example:1", { resolver: () => Promise.reject(new Error("registry is down")) }),
    /^TransportError: Cannot resolve a\.example:1: registry is down$/,
  );
});

Deno.test("dial() rejects addresses that are for listening only", async () => {
  await assert.rejects(dial("127.0.0.1:0"), RangeError);
  await assert.rejects(dial("vsock:any:5"), /^RangeError: .*cid any is for listening/);
  await assert.rejects(dial("127.0.0.1:1", { timeoutMs: 0 }), RangeError);
});

Deno.test("TLS without verification logs a warning, once", async () => {
  await using log = await captureLog({ lowestLevel: "debug" });
  const listener = await listen("memory:insecure", { tls: await selfSigned() });
  for (let i = 0; i < 2; i++) {
    const accepted = listener.accept().then(async (stream) => {
      await stream!.handshake!();
      return stream!;
    });
    const stream = await dial("memory:insecure", { tls: { insecure: true } });
    assert.equal(stream.peer.tls?.authorized, false);
    (await accepted).close();
    stream.close();
  }
  listener.close();
  assert.equal(log.records.length, 1);
  assert.equal(log.records[0].level, "warning");
  assert.deepEqual(log.records[0].category, ["vrpc", "transport"]);
});
