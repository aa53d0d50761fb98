import assert from "node:assert/strict";
import { UInt32ValueSchema } from "@bufbuild/protobuf/wkt";
import { configure, type LogRecord, reset } from "@logtape/logtape";
import {
  connect,
  logCalls,
  protobufCodec,
  type Router,
  RpcError,
  serve,
  type ServeOptions,
  Status,
  statusName,
} from "../../../mod.ts";
import { captureLog, failure } from "../../../src/testing/mod.ts";
import { memoryAddress } from "../../fixtures/names.ts";
import { capture } from "../../fixtures/printed.ts";

const NOTHING = new Uint8Array();

function methods(router: Router): void {
  router.method("/echo", {}, (request) => request);
  router.method("/throws", {}, () => {
    throw new Error("a fault");
  });
  router.method("/status", {}, () => {
    throw new RpcError(Status.NOT_FOUND, "no order");
  });
  router.method("/unencodable", { responseCodec: protobufCodec(UInt32ValueSchema) }, () => ({
    value: 1.5,
  }));
  router.method("/unencodables", {
    kind: "server_streaming",
    responseCodec: protobufCodec(UInt32ValueSchema),
  }, () => [{ value: 1 }, { value: 1.5 }]);
  router.method("/code", {}, () => {
    throw new RpcError(404 as Status, "no order");
  });
  router.method("/trailers", {}, (request, { responseTrailers }) => {
    for (let i = 0; i < 3; i++) responseTrailers.append("a", "x".repeat(30_000));
    return request;
  });
  router.method("/listener", {}, (_request, { signal }) => {
    signal.addEventListener("abort", () => {
      throw new Error("a listener");
    });
    return new Promise<Uint8Array>(() => {});
  });
}

/** Calls a method of a server with the options and returns its status and what `console.error` got. */
async function printedBy(path: string, options: ServeOptions, wire: "grpc" | "lean") {
  const lines: unknown[][] = [];
  const restore = capture(lines);
  try {
    await using server = await serve(memoryAddress("failures"), methods, options);
    await using channel = connect(server.addresses[0], { wire });
    const call = { timeoutMs: 300, metadata: { "x-request-id": "id-7" } };
    const error = path === "/unencodables"
      ? await failure(Array.fromAsync(channel.stream(path, NOTHING, call)))
      : await failure(channel.call(path, NOTHING, call));
    return { error, lines };
  } finally {
    restore();
  }
}

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`a failing handler is printed with method, call id and cause, once: ${wire}`, async () => {
    const { error, lines } = await printedBy("/throws", {}, wire);
    assert.equal(error.code, Status.UNKNOWN);
    assert.equal(lines.length, 1);
    assert.equal(lines[0][0], "vrpc: The handler of /throws failed (call id-7):");
    assert.equal((lines[0][1] as Error).message, "a fault");
  });

  Deno.test(`a reply that cannot be encoded is printed with its field: ${wire}`, async () => {
    for (const path of ["/unencodable", "/unencodables"]) {
      const { error, lines } = await printedBy(path, {}, wire);
      assert.equal(error.code, Status.INTERNAL);
      assert.equal(error.message, "Cannot encode the reply");
      assert.equal(lines.length, 1);
      assert.equal(lines[0][0], `vrpc: The handler of ${path} failed (call id-7):`);
      assert.match(`${lines[0][1]}`, /google\.protobuf\.UInt32Value\.value: 1\.5 is not/);
    }
  });

  Deno.test(`a code that is not gRPC's is printed: ${wire}`, async () => {
    const { error, lines } = await printedBy("/code", {}, wire);
    assert.deepEqual([error.code, error.message], [Status.UNKNOWN, "no order"]);
    assert.match(
      `${lines[0][0]}`,
      /^vrpc: The RpcError of \/code cannot be sent .* code 404 .*id-7/,
    );
  });

  Deno.test(`a listener of the signal that throws is printed: ${wire}`, async () => {
    const { error, lines } = await printedBy("/listener", {}, wire);
    assert.equal(error.code, Status.DEADLINE_EXCEEDED);
    assert.equal(lines[0][0], "vrpc: A listener for the end of /listener failed (call id-7):");
  });

  Deno.test(`statuses are no failures, and an option turns printing off: ${wire}`, async () => {
    assert.deepEqual((await printedBy("/status", {}, wire)).lines, []);
    for (const path of ["/throws", "/unencodable", "/code", "/listener"]) {
      assert.deepEqual((await printedBy(path, { printFailures: false }, wire)).lines, []);
    }
  });

  Deno.test(`logCalls(), observers and stats() agree on the status that was sent: ${wire}`, async () => {
    await using log = await captureLog({ lowestLevel: "info" });
    const observed: string[] = [];
    const sent: string[] = [];
    {
      await using server = await serve(memoryAddress("agree"), methods, {
        interceptors: [logCalls()],
        observer: {
          started: () => ({
            sent() {},
            received() {},
            ended: (code) => observed.push(statusName(code)),
          }),
        },
      });
      await using channel = connect(server.addresses[0], { wire });
      const paths = [
        "echo",
        "throws",
        "status",
        "unencodable",
        "unencodables",
        "code",
        "trailers",
      ];
      for (const path of paths) {
        const call = path === "unencodables"
          ? Array.fromAsync(channel.stream(`/${path}`, NOTHING))
          : channel.call(`/${path}`, NOTHING);
        sent.push(await call.then(() => "OK", (error) => error.codeName));
      }
      const counted = Object.entries(server.stats().calls.failed).flatMap(([name, count]) =>
        Array(count).fill(name)
      );
      assert.deepEqual(counted.sort(), sent.filter((name) => name !== "OK").sort());
    }
    const logged = log.records.filter(({ category }) => category[1] === "calls");
    assert.deepEqual(observed, sent);
    assert.deepEqual(logged.map(({ properties }) => properties.status), sent);
    assert.deepEqual(sent.slice(0, 6), [
      ...["OK", "UNKNOWN", "NOT_FOUND", "INTERNAL", "INTERNAL", "UNKNOWN"],
    ]);
    assert.equal(sent[6], "INTERNAL");
  });
}

Deno.test("logCalls() without a storage for contexts makes LogTape warn of nothing", async () => {
  const records: LogRecord[] = [];
  await configure({
    sinks: { memory: (record) => void records.push(record) },
    loggers: [
      { category: ["vrpc"], lowestLevel: "info", sinks: ["memory"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["memory"] },
    ],
  });
  try {
    await using server = await serve(memoryAddress("warn"), methods, {
      interceptors: [logCalls()],
    });
    await using channel = connect(server.addresses[0]);
    await channel.call("/echo", NOTHING);
    assert.deepEqual(records.filter(({ category }) => category[0] === "logtape"), []);
    assert.equal(records.filter(({ category }) => category[1] === "calls").length, 1);
  } finally {
    await reset();
  }
});
