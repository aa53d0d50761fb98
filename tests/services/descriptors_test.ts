import assert from "node:assert/strict";
import { connect, findDetails, packDetail, RpcError, serve, Status } from "../../mod.ts";
import { Algorithm, CryptoService, KeyType } from "../../src/services/descriptors/crypto.ts";
import { EchoService } from "../../src/services/descriptors/echo.ts";
import { EnclaveService } from "../../src/services/descriptors/enclave.ts";
import { BadRequestSchema, RetryInfoSchema } from "../../src/services/descriptors/errdetails.ts";
import {
  Health,
  HealthCheckResponse_ServingStatus,
} from "../../src/services/descriptors/health.ts";
import {
  addCrypto,
  addEcho,
  addEnclave,
  addHealth,
  generateCryptoKeys,
} from "../../src/services/mod.ts";

Deno.test("clients call the ready services by their exported descriptors", async () => {
  const keys = await generateCryptoKeys();
  await using server = await serve("memory:descriptors", (router) => {
    addCrypto(router, { keys });
    addEcho(router);
    addEnclave(router);
    addHealth(router);
  });
  await using channel = connect(server.addresses[0]);
  const payload = new TextEncoder().encode("hi");
  assert.deepEqual((await channel.client(EchoService).echo({ payload })).payload, payload);
  assert.equal((await channel.client(EnclaveService).echo({ xid: "abc" })).dix, "cba");
  const health = await channel.client(Health).check({});
  assert.equal(health.status, HealthCheckResponse_ServingStatus.SERVING);
  const { signature } = await channel.client(CryptoService).sign({
    keyType: KeyType.ECDSA_P256,
    algorithm: Algorithm.ECDSA_SHA256,
    data: payload,
  });
  assert.ok(signature.length > 60, `${signature.length}`);
});

Deno.test("errors carry google.rpc details by their exported descriptors", () => {
  const fieldViolations = [{ field: "name", description: "must not be empty" }];
  const error = new RpcError(Status.INVALID_ARGUMENT, "The name is missing", {
    details: [packDetail(BadRequestSchema, { fieldViolations })],
  });
  const [found] = findDetails(error, BadRequestSchema);
  assert.equal(found.fieldViolations[0].field, "name");
  assert.deepEqual(findDetails(error, RetryInfoSchema), []);
});
