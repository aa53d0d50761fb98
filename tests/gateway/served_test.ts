import assert from "node:assert/strict";
import { connect, serve } from "../../mod.ts";
import { Health as HealthService } from "../../proto/gen/grpc/health/v1/health_pb.ts";
import { Gateway, type GatewayOptions, type HttpLimits, serveHttp } from "../../src/gateway/mod.ts";
import { addEnclave } from "../../src/services/mod.ts";
import { EnclaveService } from "../../proto/gen/vrpc/enclave/v1/enclave_pb.ts";
import { memoryAddress } from "../fixtures/names.ts";
import { until } from "../fixtures/waiting.ts";
import { RawClient } from "../rpc/http/raw_client.ts";

interface Door {
  readonly address: string;
  readonly open: () => number;
  readonly watching: () => number;
}

/** Serves a gateway over HTTP in front of a service in memory. */
async function withDoor(
  use: (door: Door) => Promise<void>,
  options: GatewayOptions = {},
  limits: HttpLimits = {},
): Promise<void> {
  const address = memoryAddress();
  let watching = 0;
  await using _server = await serve(address, (router) => {
    addEnclave(router);
    router.service(HealthService, {
      async *watch(_request, ctx) {
        watching++;
        yield { status: 1 };
        await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
        watching--;
      },
    });
  });
  await using channel = connect(address);
  const gateway = new Gateway(channel, {
    services: [EnclaveService, HealthService],
    routes: { "/echo": `/${EnclaveService.typeName}/Echo` },
    ...options,
  });
  await using http = await serveHttp(
    "127.0.0.1:0",
    (request) => gateway.answer(request, new URL(request.url).pathname),
    { limits },
  );
  await use({
    address: http.address,
    open: () => http.stats().open,
    watching: () => watching,
  });
}

const HEAD = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";

Deno.test("a call over HTTP/1.1: in one piece, in chunks, ahead of the response", async () => {
  await withDoor(async ({ address }) => {
    using client = await RawClient.open(address);
    const body = '{"xid":"hello"}';
    const whole = `${HEAD}Content-Length: 15\r\n\r\n${body}`;
    const chunked = `${HEAD}Transfer-Encoding: chunked\r\n\r\nf\r\n${body}\r\n0\r\n\r\n`;
    await client.send(whole + chunked + whole);
    const text = await client.until(/(?:olleh[^]*){3}/);
    assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 3);
    assert.equal(text.match(/\{"dix":"olleh"\}/g)?.length, 3);
  });
});

Deno.test("a body that is not complete at the deadline is answered 504, and its socket is closed", async () => {
  await withDoor(async ({ address, open }) => {
    for (const length of [100, 100_000]) {
      using client = await RawClient.open(address);
      await client.send(`${HEAD}Connect-Timeout-Ms: 100\r\nContent-Length: ${length}\r\n\r\n{`);
      const text = await client.rest();
      assert.match(text, /^HTTP\/1\.1 504 Gateway Timeout\r\n/);
      assert.match(text, /connection: close\r\n[^]*DEADLINE_EXCEEDED/);
    }
    await until(() => open() === 0);
  });
});

Deno.test("bodies that need more than their pool are answered 503, and their sockets are closed", async () => {
  await withDoor(async ({ address, open }) => {
    using client = await RawClient.open(address);
    await client.send(`${HEAD}Content-Length: 100000\r\n\r\n${" ".repeat(50_000)}`);
    assert.match(
      await client.rest(),
      /^HTTP\/1\.1 503 [^]*connection: close\r\n[^]*RESOURCE_EXHAUSTED/,
    );
    await until(() => open() === 0);
  }, { maxBufferedBytes: 20_000 });
});

Deno.test("a stream of replies is cancelled when its HTTP client is gone", async () => {
  await withDoor(async ({ address, watching }) => {
    using client = await RawClient.open(address);
    await client.send(
      `POST /${HealthService.typeName}/Watch HTTP/1.1\r\nHost: a\r\n` +
        "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    );
    assert.match(await client.until(/SERVING/), /transfer-encoding: chunked/);
    assert.equal(watching(), 1);
    client[Symbol.dispose]();
    await until(() => watching() === 0);
  });
});
