import assert from "node:assert/strict";
import {
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthCheckResponseSchema,
  HealthListResponseSchema,
} from "../../proto/gen/grpc/health/v1/health_pb.ts";
import { Echo } from "../../proto/gen/bench/echo_pb.ts";
import { Status } from "../../src/call/status.ts";
import { protobufCodec } from "../../src/codec/protobuf.ts";
import { addHealth, type HealthService } from "../../src/services/health.ts";
import { FakeCall, FakeHost } from "../fixtures/fake_call.ts";

const ask = (service: string) => protobufCodec(HealthCheckRequestSchema).encode({ service });
const read = (bytes: Uint8Array) => protobufCodec(HealthCheckResponseSchema).decode(bytes).status;

function setUp(): { host: FakeHost; health: HealthService } {
  let health: HealthService | undefined;
  const host = new FakeHost((router) => {
    health = addHealth(router);
    // Registered after the health service on purpose.
    router.service(Echo, { unary: (request) => request });
  });
  assert.ok(health);
  return { host, health };
}

Deno.test("Health.Check reports the server, its services, and statuses that were set", async () => {
  const { host, health } = setUp();
  const check = async (service: string) => {
    const call = await host.unary("/grpc.health.v1.Health/Check", ask(service));
    return call.status === Status.OK ? read(call.messages[0]) : call.status;
  };
  assert.equal(await check(""), ServingStatus.SERVING);
  assert.equal(await check("bench.Echo"), ServingStatus.SERVING);
  assert.equal(await check("nobody.Knows"), Status.NOT_FOUND);
  health.set("bench.Echo", "NOT_SERVING");
  health.set("my.Own", "UNKNOWN");
  assert.equal(await check("bench.Echo"), ServingStatus.NOT_SERVING);
  assert.equal(await check("my.Own"), ServingStatus.UNKNOWN);
  assert.equal(await check(""), ServingStatus.SERVING);
  health.clear("bench.Echo");
  assert.equal(await check("bench.Echo"), ServingStatus.SERVING);
  host.router.drainBegins((error) => assert.ifError(error));
  assert.equal(await check(""), ServingStatus.NOT_SERVING);
  assert.equal(await check("bench.Echo"), ServingStatus.NOT_SERVING);
  health.set("", "SERVING");
  assert.equal(await check(""), ServingStatus.NOT_SERVING);
});

Deno.test("Health.List lists the server and all services", async () => {
  const { host, health } = setUp();
  health.set("my.Own", "NOT_SERVING");
  const call = await host.unary("/grpc.health.v1.Health/List", new Uint8Array());
  const { statuses } = protobufCodec(HealthListResponseSchema).decode(call.messages[0]);
  assert.deepEqual(
    Object.entries(statuses).map(([name, { status }]) => [name, ServingStatus[status]]),
    [
      ["", "SERVING"],
      ["grpc.health.v1.Health", "SERVING"],
      ["bench.Echo", "SERVING"],
      ["my.Own", "NOT_SERVING"],
    ],
  );
});

Deno.test("Health.Watch yields every change, also of unknown services, and ends with the drain", async () => {
  const { host, health } = setUp();
  const call = host.accept(new FakeCall("/grpc.health.v1.Health/Watch")).request(ask("late"));
  await call.sent(1);
  health.set("other", "SERVING");
  health.set("late", "SERVING");
  await call.sent(2);
  health.set("late", "SERVING");
  health.set("late", "NOT_SERVING");
  await call.sent(3);
  health.set("late", "SERVING");
  await call.sent(4);
  host.router.drainBegins((error) => assert.ifError(error));
  await call.ended;
  assert.deepEqual(call.messages.map(read).map((status) => ServingStatus[status]), [
    "SERVICE_UNKNOWN",
    "SERVING",
    "NOT_SERVING",
    "SERVING",
    "NOT_SERVING",
  ]);
  assert.equal(call.status, Status.UNAVAILABLE);
});

Deno.test("Health.Watch ends when its call is cancelled", async () => {
  const { host } = setUp();
  const call = host.accept(new FakeCall("/grpc.health.v1.Health/Watch")).request(ask(""));
  await call.sent(1);
  call.cancel();
  await call.ended;
});
