import assert from "node:assert/strict";
import { clone, fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { type Channel, Metadata, RpcError, Status } from "../../mod.ts";
import { addReflection, type ReflectOptions, reflectServices } from "../../src/services/mod.ts";
import { EchoService } from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { failure } from "../../src/testing/failure.ts";
import { testServer } from "../../src/testing/mod.ts";
import { commented } from "../schema/commented.ts";
import { file, message, scalar, service, typed } from "../schema/descriptors.ts";
import { LEGACY, SHOP } from "./grpcio_descriptors.ts";
import { addReflectionOf, endlessFiles, files, services, unknown } from "./hostile_reflection.ts";

type Answer = Parameters<typeof addReflectionOf>[1];

async function withReflection(
  answer: Answer,
  body: (read: (options?: ReflectOptions) => ReturnType<typeof reflectServices>) => Promise<void>,
): Promise<void> {
  await using running = await testServer((router) => addReflectionOf(router, answer));
  await body((options) => reflectServices(running.channel, options));
}

const GOOD = file("good.proto", {
  messageType: [message("M", [scalar("snake_case", 1, "string")])],
  service: [service("Good", { M: [".t.M", ".t.M"] })],
});

Deno.test("reflectServices() reads the services of a server and their types", async () => {
  await using running = await testServer((router) => {
    addReflection(router);
    router.service(EchoService, {});
  });
  const { services, registry, faults } = await reflectServices(running.channel);
  assert.ok(services.includes(EchoService.typeName));
  assert.ok(registry.getService(EchoService.typeName)!.method.echo);
  assert.equal(faults.size, 0);
});

Deno.test("reflectServices() has the comments that a server sends", async () => {
  const sent = commented(clone(FileDescriptorProtoSchema, GOOD), [
    [[6, 0, 2, 0], " Does it.\n"],
    [[4, 0, 2, 0], " A field.\n"],
  ]);
  await withReflection(
    (question) => question.case === "listServices" ? services("t.Good") : files(sent),
    async (read) => {
      const { comments, faults } = await read();
      assert.equal(comments.get("t.Good.M"), "Does it.");
      assert.equal(comments.get("t.M.snake_case"), "A field.");
      assert.equal(comments.get("t.M"), undefined);
      assert.equal(faults.size, 0);
    },
  );
});

Deno.test("files without end are refused at each limit", async () => {
  let asked = 0;
  const answer = () => endlessFiles(10_000, (count) => asked = count);
  for (
    const [options, text, most] of [
      [{ maxBytes: 100_000 }, /too many bytes, limit is 100000/, 11],
      [{ maxFiles: 20 }, /too many files, limit is 20/, 21],
      [{ maxElements: 60 }, /too many elements, limit is 60/, 60],
      [{ maxDepth: 30 }, /import each other over more than 30 steps \(maxDepth\)/, 31],
    ] as const
  ) {
    await withReflection(answer(), async (read) => {
      const error = await failure(read(options));
      assert.equal(error.code, Status.RESOURCE_EXHAUSTED);
      assert.match(error.message, text);
      assert.ok(asked <= most, `${asked} files`);
    });
  }
});

Deno.test("a list of services or a reply without end is refused", async () => {
  await withReflection(
    () => services(...Array.from({ length: 11 }, (_, i) => `t.S${i}`)),
    async (read) => {
      const error = await failure(read({ maxFiles: 10 }));
      assert.match(error.message, /too many services, limit is 10/);
    },
  );
  await withReflection(
    () => services(...Array.from({ length: 1_000 }, () => "")),
    async (read) => {
      const error = await failure(read({ maxElements: 500 }));
      assert.match(error.message, /too many elements, limit is 500/);
    },
  );
});

Deno.test("a server that never answers costs the time limit", async () => {
  for (const until of ["listServices", "fileContainingSymbol", "fileByFilename"]) {
    await withReflection((question) => {
      if (question.case === until) return new Promise(() => {});
      if (question.case === "listServices") return services("t.S");
      return files(file("a.proto", { dependency: ["b.proto"], service: [service("S", {})] }));
    }, async (read) => {
      const error = await failure(read({ timeoutMs: 100 }));
      assert.equal(error.code, Status.DEADLINE_EXCEEDED, until);
    });
  }
});

Deno.test("a file under another name, or the same file again, ends as a missing import", async () => {
  for (const again of ["other.proto", "a.proto", ""]) {
    let asked = 0;
    await withReflection((question) => {
      if (question.case === "listServices") return services("t.S");
      if (question.case === "fileByFilename") {
        asked++;
        return files(file(again));
      }
      return files(file("a.proto", {
        dependency: ["b.proto"],
        messageType: [message("M", [typed("b", 1, ".t.B")])],
        service: [service("S", { M: [".t.M", ".t.M"] })],
      }));
    }, async (read) => {
      const { faults } = await read();
      assert.equal(asked, 1);
      assert.match(faults.get("/t.S/M")!, /a\.proto imports b\.proto, which is missing/);
    });
  }
});

Deno.test("a service that is not described, or can't be decoded, costs itself alone", async () => {
  await withReflection((question) => {
    if (question.case === "listServices") return services("t.Gone", "t.Broken", "t.Odd", "t.Good");
    switch (question.value) {
      case "t.Gone":
        return unknown("never heard of it");
      case "t.Broken":
        return files(new Uint8Array([0x0a, 5, 1]));
      case "t.Odd":
        return { case: "allExtensionNumbersResponse", value: {} };
    }
    return files(GOOD);
  }, async (read) => {
    const { services, registry, faults } = await read();
    assert.equal(services.length, 4);
    assert.match(faults.get("t.Gone")!, /does not describe t\.Gone: never heard of it$/);
    assert.match(
      faults.get("t.Broken")!,
      /does not describe t\.Broken: its file cannot be decoded/,
    );
    assert.match(faults.get("t.Odd")!, /does not describe t\.Odd$/);
    assert.equal(faults.size, 3);
    const [method] = registry.getService("t.Good")!.methods;
    assert.equal(method.input.fields[0].jsonName, "snakeCase");
  });
});

Deno.test("files that are already there are not asked for again", async () => {
  const asked: unknown[] = [];
  await withReflection((question) => {
    asked.push(question.value);
    if (question.case === "listServices") return services("t.Good", "t.Other", "t.Good");
    return files(
      GOOD,
      file("other.proto", {
        dependency: ["good.proto", "google/protobuf/any.proto"],
        service: [service("Other", {})],
      }),
    );
  }, async (read) => {
    assert.equal((await read()).faults.size, 0);
    assert.deepEqual(asked, ["", "t.Good"]);
  });
});

Deno.test("an end, an error or nonsense instead of a reply is an error", async () => {
  for (
    const [answer, text] of [
      [() => undefined, /ended without a reply/],
      [() => unknown("no\nlist"), /does not list its services: no\nlist/],
      [() => ({ case: undefined }), /does not list its services$/],
    ] as [Answer, RegExp][]
  ) {
    await withReflection(answer, async (read) => {
      const error = await failure(read());
      assert.equal(error.code, Status.INTERNAL);
      assert.match(error.message, text);
    });
  }
  await using running = await testServer((router) => {
    router.method("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", {
      kind: "bidi_streaming",
    }, async function* () {
      yield new Uint8Array([0xff, 0xff]);
    });
  });
  assert.match((await failure(reflectServices(running.channel))).message, /sent an invalid reply/);
});

Deno.test("a server without reflection is UNIMPLEMENTED, and metadata is sent", async () => {
  await using without = await testServer(() => {});
  assert.equal((await failure(reflectServices(without.channel))).code, Status.UNIMPLEMENTED);
  await using running = await testServer((router) => addReflection(router), {
    serve: {
      interceptors: [(next) => (call) => {
        if (call.metadata.get("authorization") === "Bearer x") return next(call);
        throw new RpcError(Status.UNAUTHENTICATED, "no token");
      }],
    },
  });
  const error = await failure(reflectServices(running.channel));
  assert.equal(error.code, Status.UNAUTHENTICATED);
  const metadata = new Metadata({ authorization: "Bearer x" });
  assert.ok((await reflectServices(running.channel, { metadata })).services.length > 0);
});

Deno.test("options out of range are refused before a call", async () => {
  const channel = {} as Channel;
  for (const timeoutMs of [0, 0.5, 86_400_001, NaN, Infinity]) {
    await assert.rejects(reflectServices(channel, { timeoutMs }), {
      name: "RangeError",
      message: new RegExp(`timeoutMs ${timeoutMs}: it must be 1 to 86400000`),
    });
  }
  await assert.rejects(reflectServices(channel, { maxBytes: 1 }), { name: "RangeError" });
});

Deno.test("descriptors of grpcio, which have no json_name, give the JSON of protoc", async () => {
  await withReflection((question) => {
    if (question.case === "listServices") return services("shop.v1.Orders");
    if (question.case === "fileContainingSymbol") return files(SHOP);
    return question.value === "legacy.proto" ? files(LEGACY) : unknown("not found");
  }, async (read) => {
    const { registry, faults } = await read();
    assert.equal(faults.size, 0);
    const { input } = registry.getService("shop.v1.Orders")!.method.echo;
    const json = {
      orderNumber: "9007199254740993",
      customerName: "x",
      lineItems: [{ articleId: "a", pieceCount: 2 }],
      itemsByName: { k: { articleId: "b" } },
      freeValue: [1, null, { a: 1000 }],
      moreData: { q: 1 },
      anyThing: { "@type": "type.googleapis.com/shop.legacy.Old", mustHave: 3 },
      maybeCount: "9007199254740993",
      unitPrice: 1.5,
      cardToken: "t",
      parentOrder: { customerName: "above" },
      orderState: "ORDER_STATE_PAID",
      oldPart: {
        mustHave: 1,
        withDefault: "z",
        somegroup: [{ deepField: "d" }],
        "[shop.legacy.extra_note]": "note",
      },
    };
    const message = fromJson(input, json, { registry });
    assert.deepEqual(
      toJson(input, fromBinary(input, toBinary(input, message)), { registry }),
      json,
    );
  });
});
