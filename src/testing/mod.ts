/**
 * Testing kit: a server in memory with a client, contexts for handlers, a clock that tests move, failures, the log, and
 * servers that answer at random or as recorded.
 *
 * ```ts
 * import { EchoService } from "@vrpc/vrpc/services/echo";
 * import { addEcho } from "@vrpc/vrpc/services";
 * import { testServer } from "@vrpc/vrpc/testing";
 *
 * await using test = await testServer(addEcho);
 * await test.client(EchoService).echo({ payload: new Uint8Array(3) });
 * ```
 *
 * @module
 */

export { type TestServer, testServer, type TestServerOptions } from "./test_server.ts";
export { TestConnections } from "./test_connections.ts";
export { type TestContext, testContext, type TestContextOptions } from "./test_context.ts";
export { FakeClock } from "./fake_clock.ts";
export { type CapturedLog, captureLog, type CaptureLogOptions } from "./captured_log.ts";
export { failure } from "./failure.ts";
export { flaky, type FlakyOptions, latency, type LatencyOptions } from "./faults.ts";
export { mockService, type MockServiceOptions } from "./mock_service.ts";
export { randomMessage, seeded } from "./random_message.ts";
export { type RecordedCall, type RecordedField, Recording } from "./recording.ts";
export { replay } from "./replay.ts";
