import assert from "node:assert/strict";
import { connect, RpcError, Status } from "../../../mod.ts";
import { StartupService } from "../../../proto/gen/vrpc/guest/v1/guest_pb.ts";
import { receiveStartup, type ReceiveStartupOptions, sendStartup } from "../../../src/guest/mod.ts";
import { captureLog } from "../../../src/testing/captured_log.ts";

/** Starts to wait for a call; resolves once it can be sent. */
async function waiting(options: ReceiveStartupOptions = {}) {
  const listening = Promise.withResolvers<readonly string[]>();
  const received = receiveStartup("127.0.0.1:0", { ...options, onListening: listening.resolve });
  received.catch(listening.reject);
  return { address: (await listening.promise)[0], received };
}

const codeOf = (code: number) => (error: unknown) => {
  assert.ok(error instanceof RpcError);
  assert.equal(error.code, code, error.message);
  return true;
};

Deno.test("one call brings configuration and secrets, and the address is closed after it", async () => {
  const { address, received } = await waiting();
  const key = new Uint8Array([1, 2, 3]);
  await sendStartup(address, {
    config: { level: "debug", ports: [1, 2] },
    secrets: { key, password: "hünter2" },
  });
  const data = await received;
  assert.deepEqual(data.config, { level: "debug", ports: [1, 2] });
  assert.deepEqual(data.secret("key"), key);
  assert.equal(data.secretText("password"), "hünter2");
  assert.deepEqual([...key], [1, 2, 3], "the sender keeps its own");
  await assert.rejects(sendStartup(address, {}, { timeoutMs: 100 }));
});

Deno.test("of two calls, one is accepted", async () => {
  const { address, received } = await waiting();
  await using channel = connect(address);
  const client = channel.client(StartupService);
  const results = await Promise.allSettled([
    client.provide({ config: "1" }),
    client.provide({ config: "2" }),
  ]);
  assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
  const refused = results.find(({ status }) => status === "rejected") as PromiseRejectedResult;
  assert.equal(refused.reason.code, Status.FAILED_PRECONDITION);
  assert.equal((await received).config, results.indexOf(refused) === 1 ? 1 : 2);
});

Deno.test("too large or broken contents are refused, and the guest goes on waiting", async () => {
  const { address, received } = await waiting({ maxBytes: 1_000 });
  await using channel = connect(address);
  const client = channel.client(StartupService);
  const broken = client.provide({ config: '{"password": "hunter2' });
  await assert.rejects(broken, (error) => {
    assert.ok(codeOf(Status.INVALID_ARGUMENT)(error));
    assert.doesNotMatch(String(error), /hunter2/);
    return true;
  });
  const large = sendStartup(address, { secrets: { key: new Uint8Array(1_001) } });
  await assert.rejects(large, codeOf(Status.RESOURCE_EXHAUSTED));
  await sendStartup(address, {});
  assert.deepEqual((await received).secretNames, []);
});

Deno.test("nothing of the contents is logged", async () => {
  await using log = await captureLog();
  const { address, received } = await waiting();
  await sendStartup(address, { config: "c0nfig", secrets: { key: "hunter2" } });
  await received;
  assert.ok(log.records.some(({ rawMessage }) => /start-up call/.test(String(rawMessage))));
  assert.doesNotMatch(JSON.stringify(log.records), /hunter2|c0nfig/);
});

Deno.test("the wait ends in time, and by a signal", async () => {
  await assert.rejects(receiveStartup("127.0.0.1:0", { timeoutMs: 5 }), /within 5 ms/);
  const abort = new AbortController();
  const { received } = await waiting({ signal: abort.signal });
  abort.abort(new Error("enough"));
  await assert.rejects(received, /enough/);
  await assert.rejects(receiveStartup("127.0.0.1:0", { maxBytes: 0 }), RangeError);
  await assert.rejects(receiveStartup("127.0.0.1:0", { timeoutMs: NaN }), RangeError);
});
