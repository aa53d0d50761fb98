import assert from "node:assert/strict";
import { join } from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { serve } from "../../../mod.ts";
import { file_vrpc_enclave_v1_enclave } from "../../../proto/gen/vrpc/enclave/v1/enclave_pb.ts";
import { file_google_rpc_error_details } from "../../../src/services/descriptors/errdetails.ts";
import { typesOfFiles } from "../../../cmd/shared/proto_file.ts";
import { ProtoText } from "../../../cmd/vrpc/proto_text.ts";
import { addEcho, addReflection } from "../../../src/services/mod.ts";
import { runProgram } from "../../fixtures/run_program.ts";

const PROTOS = join(import.meta.dirname!, "protos");
const SHOP = join(PROTOS, "shop.proto");

const vrpc = (...args: string[]) => runProgram("cmd/vrpc.ts", args);

async function output(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await vrpc(...args);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** Returns a file without its comments, and with types in one order. */
function bare(file: FileDescriptorProto): FileDescriptorProto {
  const copy = fromBinary(FileDescriptorProtoSchema, toBinary(FileDescriptorProtoSchema, file));
  copy.sourceCodeInfo = undefined;
  copy.options = undefined;
  return copy;
}

Deno.test("descriptions compile to the descriptors that they describe", async () => {
  const { registry, comments } = await typesOfFiles({
    protos: [SHOP, join(PROTOS, "extra/annotations.proto")],
    imports: [PROTOS],
    sets: [],
  });
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(folder, "extra"));
    for (const name of ["shop", "extra/annotations"]) {
      const { proto, messages, enums, services, extensions } = registry.getFile(`${name}.proto`)!;
      const text = new ProtoText(registry, comments);
      await Deno.writeTextFile(
        join(folder, `${name}.proto`),
        [
          `syntax = "${proto.syntax || "proto2"}";\npackage ${proto.package};\n`,
          ...proto.dependency.map((path) => `import "${path}";\n`),
          ...[...messages, ...enums, ...services, ...extensions].map((one) => text.write(one)),
        ].join(""),
      );
    }
    const again = await typesOfFiles({
      protos: ["shop.proto", "extra/annotations.proto"],
      imports: [folder],
      sets: [],
    });
    for (const name of ["shop.proto", "extra/annotations.proto"]) {
      assert.deepEqual(
        bare(again.registry.getFile(name)!.proto),
        bare(registry.getFile(name)!.proto),
      );
    }
    // Comments survive, too.
    for (const name of ["Orders", "Orders.Create", "Order.name", "Order.State.STATE_UNSPECIFIED"]) {
      assert.ok(comments.get(`shop.v1.${name}`), name);
      assert.equal(again.comments.get(`shop.v1.${name}`), comments.get(`shop.v1.${name}`));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("vrpc describes and lists .proto files and descriptor sets without a server", async () => {
  const service = await output("--proto", SHOP, "describe");
  assert.equal(
    service,
    `// shop.v1.Orders, of shop.proto
// Takes orders.
//
// Of customers.
service Orders {
  option deprecated = true;
  // Creates an order.
  rpc Create(.shop.v1.Order) returns (.shop.v1.Order) {
    option idempotency_level = IDEMPOTENT;
    option (extra.rule) = { get: "/v1/orders" tags: "a" tags: "b\\n" nested: { level: HIGH } };
  }
  rpc Watch(stream .shop.v1.Order) returns (stream .shop.v1.Order);
}
`,
  );
  const several = await output("-I", `${PROTOS},${join(PROTOS, "../../../../proto")}`, ...[
    ...["--proto", "shop.proto", "--proto", "vrpc/echo/v1/echo.proto", "list"],
  ]);
  assert.match(several, /^\/shop\.v1\.Orders\/Watch +bidi_streaming +shop\.v1\.Order → /m);
  assert.match(several, /^\/vrpc\.echo\.v1\.EchoService\/Echo +unary /m);
  const set = await Deno.makeTempFile({ suffix: ".binpb" });
  try {
    const types = await typesOfFiles({ protos: [SHOP], imports: [PROTOS], sets: [] });
    const file = Array.from(types.registry.files, ({ proto }) => proto);
    await Deno.writeFile(
      set,
      toBinary(FileDescriptorSetSchema, { $typeName: FileDescriptorSetSchema.typeName, file }),
    );
    const method = await output("--protoset", set, "describe", "shop.v1.Orders.Watch");
    assert.equal(
      method,
      "// shop.v1.Orders.Watch, of shop.proto\n" +
        "rpc Watch(stream .shop.v1.Order) returns (stream .shop.v1.Order);\n",
    );
    const json = await output("--protoset", set, "--format", "json", "describe", "shop.v1.Empty");
    assert.deepEqual(JSON.parse(json), {
      name: "shop.v1.Empty",
      kind: "message",
      file: "shop.proto",
      descriptor: { name: "Empty" },
    });
  } finally {
    await Deno.remove(set);
  }
});

Deno.test("a template has every field once, and is a valid request", async () => {
  const template = JSON.parse(
    await output("--proto", SHOP, "describe", "--template", "shop.v1.Orders/Create"),
  );
  assert.deepEqual(template, {
    name: "",
    count: 0,
    prices: [0],
    items: { "": { amount: "0" } },
    card: "",
    created: "1970-01-01T00:00:00Z",
    STATE: "STATE_OPEN",
    parent: {},
  });
  await using running = await serve("127.0.0.1:0", (router) => {
    router.method("/shop.v1.Orders/Create", {}, (order) => order);
  });
  const call = ["--proto", SHOP, "call", running.addresses[0], "shop.v1.Orders/Create"];
  const reply = JSON.parse(await output(...call, JSON.stringify(template)));
  assert.equal(reply.created, template.created);
  assert.deepEqual(reply.items, template.items);
  const wrong = await vrpc("--proto", SHOP, "describe", "--template", "shop.v1.Order.State");
  assert.equal(wrong.code, 2);
  assert.match(
    wrong.stderr,
    /^vrpc: Cannot make a template of shop\.v1\.Order\.State, which is of kind enum/,
  );
});

Deno.test("vrpc describes what a server's reflection knows, its services first", async () => {
  await using running = await serve("127.0.0.1:0", (router) => {
    addEcho(router);
    addReflection(router, { files: [file_vrpc_enclave_v1_enclave, file_google_rpc_error_details] });
  });
  const [address] = running.addresses;
  const services = await output("describe", address);
  assert.match(services, /^service EchoService \{$/m);
  assert.match(services, /^ {2}rpc Echo\(\.vrpc\.echo\.v1\.EchoRequest\) returns \(\.vrpc\./m);
  const lean = await output("--wire", "lean", "describe", address, "vrpc.echo.v1.EchoRequest");
  assert.match(lean, /^message EchoRequest \{$/m);
  // A type that no service uses.
  const detail = await output("describe", address, "google.rpc.RetryInfo", ".google.rpc.ErrorInfo");
  assert.match(detail, /^ {2}\.google\.protobuf\.Duration retry_delay = 1;$/m);
  assert.match(detail, /^ {2}map<string, string> metadata = 3;$/m);
  const unknown = await vrpc("describe", address, "vrpc.echo.v1.EchoRequst");
  assert.equal(unknown.code, 64 + 5);
  assert.match(
    unknown.stderr,
    /^NOT_FOUND: There is no .*; did you mean vrpc\.echo\.v1\.EchoRequest\?$/m,
  );
});

Deno.test("vrpc names the file that it cannot read, and a missing address", async () => {
  const cases: [string[], RegExp][] = [
    [
      ["--proto", "/does/not/exist.proto", "list"],
      /^vrpc: Cannot read .*\(--proto\): no such file$/m,
    ],
    [["--protoset", "/not/there", "list"], /^vrpc: Cannot read .*\(--protoset\): no such file$/m],
    [["--protoset", SHOP, "list"], /\(--protoset\): not a descriptor set: /],
    [["--proto", SHOP, "list", "127.0.0.1:1"], /^vrpc: list takes no address with --proto/m],
    [["list"], /^vrpc: Missing address: list needs one, or --proto or --protoset$/m],
  ];
  for (const [args, text] of cases) {
    const { code, stderr } = await vrpc(...args);
    assert.match(stderr, text);
    assert.equal(code, 2, args.join(" "));
  }
});
