import assert from "node:assert/strict";
import { connect, Status } from "../../mod.ts";
import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../proto/gen/grpc/health/v1/health_pb.ts";
import { EchoService } from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { Processes } from "../fixtures/processes.ts";

for (
  const [program, args] of [
    ["server", ["--workers", "2"]],
    ["enclave", []],
  ] as const
) {
  Deno.test(`${program}: SIGTERM turns health to NOT_SERVING, finishes open calls and ends the process`, async () => {
    await using processes = new Processes();
    const child = processes.program(program, [
      ...["--addr", "127.0.0.1:0", "--log-level", "error", ...args],
    ]);
    const address = await child.address();
    await using channel = connect(address, { poolSize: 1 });
    const health = channel.client(Health);
    for (const service of ["", EchoService.typeName]) {
      assert.equal((await health.check({ service })).status, ServingStatus.SERVING);
    }
    const statuses = health.watch({ service: "" })[Symbol.asyncIterator]();
    assert.equal((await statuses.next()).value.status, ServingStatus.SERVING);
    const requests = new TransformStream<Uint8Array<ArrayBuffer>>();
    const writer = requests.writable.getWriter();
    const replies = channel.client(EchoService).echoStream((async function* () {
      for await (const payload of requests.readable) yield { payload };
    })())[Symbol.asyncIterator]();
    const echo = async (text: string) => {
      writer.write(new TextEncoder().encode(text));
      return new TextDecoder().decode((await replies.next()).value.payload);
    };
    assert.equal(await echo("before"), "before");

    child.kill("SIGTERM");
    assert.equal((await statuses.next()).value.status, ServingStatus.NOT_SERVING);
    await assert.rejects(statuses.next(), { code: Status.UNAVAILABLE });
    assert.equal(await echo("while draining"), "while draining");
    writer.close();
    assert.equal((await replies.next()).done, true);
    assert.equal(await child.code(), 0);
  });
}
