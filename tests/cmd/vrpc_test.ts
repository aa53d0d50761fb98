import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  authorize,
  bearerToken,
  type ErrorDetail,
  packDetail,
  RpcError,
  serve,
  Status,
  textCodec,
} from "../../mod.ts";
import { file_vrpc_enclave_v1_enclave } from "../../proto/gen/vrpc/enclave/v1/enclave_pb.ts";
import { EchoRequestSchema } from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { EchoRequestSchema as EnclaveRequestSchema } from "../../proto/gen/vrpc/enclave/v1/enclave_pb.ts";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../src/services/descriptors/errdetails.ts";
import { addEcho, addReflection } from "../../src/services/mod.ts";
import { runProgram } from "../fixtures/run_program.ts";

const vrpc = (args: string[], stdin?: string) => runProgram("cmd/vrpc.ts", args, stdin);

function server(reflection = true) {
  return serve("127.0.0.1:0", (router) => {
    addEcho(router);
    if (reflection) addReflection(router);
    router.method("/echo", { description: "gives the payload back" }, (payload) => payload);
    const texts = { requestCodec: textCodec, responseCodec: textCodec } as const;
    router.method("/count", { ...texts, kind: "server_streaming" }, function* (to) {
      for (let i = 0; i < Number(to); i++) yield `number ${i}`;
    });
    router.method("/join", { ...texts, kind: "client_streaming" }, async (words) => {
      return (await Array.fromAsync(words)).join("+");
    });
    router.method("/upper", { ...texts, kind: "bidi_streaming" }, async function* (words) {
      for await (const word of words) yield word.toUpperCase();
    });
    router.method("/who", {}, (_, { metadata }) => {
      return new TextEncoder().encode(metadata.getAll("who").join(","));
    });
    router.method("/fail", {}, () => {
      throw new RpcError(Status.NOT_FOUND, "there is\nnothing");
    });
  }, { web: true });
}

Deno.test("vrpc openapi describes the methods of a server", async () => {
  await using running = await server();
  const [address] = running.addresses;
  const { code, stdout, stderr } = await vrpc(["openapi", address]);
  assert.equal(code, 0, stderr);
  const { openapi, info, paths, components } = JSON.parse(stdout);
  assert.equal(openapi, "3.1.1");
  assert.equal(info.title, `Methods of ${address}`);
  assert.ok("/vrpc.echo.v1.EchoService/Echo" in paths);
  assert.deepEqual(components.schemas["vrpc.echo.v1.EchoRequest"].properties.payload, {
    type: "string",
    contentEncoding: "base64",
  });
  await using none = await server(false);
  assert.equal((await vrpc(["openapi", none.addresses[0]])).code, 64 + Status.UNIMPLEMENTED);
});

Deno.test("vrpc list shows capabilities on lean, reflection on gRPC", async () => {
  await using running = await server();
  const [address] = running.addresses;
  const lean = await vrpc(["list", "--wire", "lean", address]);
  assert.equal(lean.code, 0, lean.stderr);
  const lines = lean.stdout.split("\n");
  assert.match(lines[0], /^capabilities +unary /);
  assert.ok(
    lines.some((line) => /^\/echo +unary +bytes → bytes +gives the payload back$/.test(line)),
  );
  assert.ok(lines.some((line) => /^\/vrpc\.echo\.v1\.EchoService\/Echo +unary /.test(line)));
  const grpc = await vrpc(["list", address]);
  assert.equal(grpc.code, 0, grpc.stderr);
  assert.match(
    grpc.stdout,
    /^\/vrpc\.echo\.v1\.EchoService\/Echo +unary +vrpc\.echo\.v1\.EchoRequest → vrpc\.echo\.v1\.EchoResponse$/m,
  );
});

Deno.test("vrpc call speaks JSON with typed methods, on all wires", async () => {
  await using running = await server();
  const [address] = running.addresses;
  const targets = [
    ["--wire", "grpc", "call", address],
    ["--wire", "lean", "call", address],
    ["--wire", "connect", "call", address],
    ["--wire", "grpc-web", "call", address],
    ["--wire", "connect", "--http-version", "1.1", "call", `http://${address}`],
    ["--wire", "grpc-web", "--http-version", "1.1", "call", address],
  ];
  for (const target of targets) {
    const { stdout, stderr, code } = await vrpc(
      [...target, "vrpc.echo.v1.EchoService/Echo"],
      `{"payload":"aGVsbG8="}`,
    );
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).payload, "aGVsbG8=");
    assert.equal(stdout.split("\n").length, 2);
  }
});

Deno.test("vrpc lists and describes by Connect, and prints its errors", async () => {
  await using running = await server();
  const [address] = running.addresses;
  const connect = ["--wire", "connect"];
  const listed = await vrpc([...connect, "list", `http://${address}`]);
  assert.equal(listed.code, 0, listed.stderr);
  assert.match(listed.stdout, /^\/vrpc\.echo\.v1\.EchoService\/Echo +unary /m);
  const openapi = await vrpc([...connect, "openapi", address]);
  assert.equal(openapi.code, 0, openapi.stderr);
  const failed = await vrpc([...connect, "call", address, "/fail", "x"]);
  assert.equal(failed.code, 64 + Status.NOT_FOUND, failed.stderr);
  assert.match(failed.stderr, /^NOT_FOUND: there is nothing$/m);
});

Deno.test("vrpc call reads bytes from arguments, files and standard input, and prints replies", async () => {
  await using running = await server();
  const [address] = running.addresses;
  const call = async (args: string[], stdin?: string) => {
    const { stdout, stderr, code } = await vrpc(
      ["call", "--wire", "lean", address, ...args],
      stdin,
    );
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, "from a file");
  try {
    assert.equal(await call(["/echo", "argument"]), "argument\n");
    assert.equal(await call(["echo", `@${file}`]), "from a file\n");
    assert.equal(await call(["/echo", "--raw"], "all of\ninput"), "all of\ninput");
    assert.equal(await call(["/count", "3"]), "number 0\nnumber 1\nnumber 2\n");
    assert.equal(await call(["/join"], "a\nb\nc"), "a+b+c\n");
    assert.equal(await call(["/upper"], "a\nb\n"), "A\nB\n");
    assert.equal(await call(["/who", "", "-m", "who:me", "-m", "Who: you"]), "me,you\n");
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("vrpc session sends lines and prints replies", async () => {
  await using running = await server();
  const { stdout, code } = await vrpc(
    ["session", "--wire", "lean", running.addresses[0], "/upper"],
    "one\ntwo\n",
  );
  assert.equal(stdout, "ONE\nTWO\n");
  assert.equal(code, 0);
  const wrong = await vrpc(["session", "--wire", "lean", running.addresses[0], "/echo"]);
  assert.equal(wrong.code, 2, wrong.stderr);
  assert.match(wrong.stderr, /^vrpc: Method \/echo is unary, no session; use call$/m);
});

Deno.test("vrpc prints errors as CODE: text, with an exit code for each", async () => {
  await using running = await server(false);
  const [address] = running.addresses;
  const cases: [string[], number, RegExp][] = [
    [["call", "--wire", "lean", address, "/fail", "x"], 69, /^NOT_FOUND: there is nothing$/],
    [["call", address, "/fail", "x"], 69, /^NOT_FOUND: there is nothing$/],
    [
      ["call", "--wire", "lean", address, "/ecko"],
      76,
      /^UNIMPLEMENTED: .*; did you mean \/echo\?$/,
    ],
    [["call", address, "/nothing", "x"], 76, /^UNIMPLEMENTED: /],
    [["list", address], 76, /^UNIMPLEMENTED: /],
    [
      ["call", address, "/echo", "@/does/not/exist"],
      2,
      /^vrpc: Cannot read \/does\/not\/exist: no such file$/,
    ],
    [["call", address, "/echo", "x", "-m", "nothing"], 2, /^vrpc: .*use the form key:value$/],
    [["call", "not an address", "/echo"], 2, /^vrpc: /],
    [["--wire", "http", "list", address], 2, /must be grpc, lean, connect or grpc-web/],
    [["--http-version", "1.1", "list", address], 2, /only connect and grpc-web have it$/],
    [["--wire", "lean", "list", `http://${address}`], 2, /^vrpc: /],
  ];
  for (const [args, code, error] of cases) {
    const result = await vrpc(args);
    assert.match(result.stderr.trim(), error);
    assert.equal(result.code, code, args.join(" "));
    assert.equal(result.stdout, "");
  }
  const bytes = ["call", address, "/echo", "x", "-m", "x-bin:!!!"];
  assert.equal(
    (await vrpc(bytes)).stderr,
    "vrpc: Cannot use metadata x-bin:!!!: the value of a -bin key must be base64\n",
  );
  await running.close();
  const gone = await vrpc(["--connect-timeout-ms", "300", "call", address, "/echo", "x"]);
  assert.equal(gone.code, 78);
  assert.match(gone.stderr, /^UNAVAILABLE: /);
});

Deno.test("vrpc suggests the nearest service, and calls methods without reflection by path", async () => {
  await using running = await server();
  const [address] = running.addresses;
  const wrong = await vrpc(["call", address, "vrpc.echo.v1.EchoServic/Echo", "{}"]);
  assert.equal(
    wrong.stderr,
    "UNIMPLEMENTED: The server has no service vrpc.echo.v1.EchoServic; " +
      "did you mean vrpc.echo.v1.EchoService?\n",
  );
  assert.equal(wrong.code, 76);
  const strange = await vrpc(["call", address, "shop.Orders/List", "{}"]);
  assert.match(
    strange.stderr,
    /no service shop\.Orders; start the name with a slash to call a method .* not list$/m,
  );
  const plain = await vrpc(["call", address, "echo", "x"]);
  assert.equal(plain.stdout, "x\n", plain.stderr);
});

Deno.test("vrpc session names the line that is not a valid message", async () => {
  await using running = await server();
  const method = "vrpc.echo.v1.EchoService/EchoStream";
  const { stderr, code } = await vrpc(
    ["session", running.addresses[0], method],
    '{"payload":"aGk="}\n{"payload":\n',
  );
  assert.match(
    stderr,
    /^vrpc: Cannot send message 2: Not a valid vrpc\.echo\.v1\.EchoStreamRequest message: /,
  );
  assert.equal(code, 2);
});

Deno.test("vrpc --help shows defaults as they are typed", async () => {
  const { stdout } = await vrpc(["--help"]);
  assert.doesNotMatch(stdout, /default: (\[\]|false|true)/);
  assert.match(stdout, /--compress <on\|off>.*\(default: off\)/);
});

const TOKEN = "a-long-secret-token";

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`vrpc sends its metadata with reflection and capabilities too: ${wire}`, async () => {
    await using running = await serve("127.0.0.1:0", (router) => {
      addEcho(router);
      addReflection(router);
      router.method("/upper", { kind: "bidi_streaming" }, async function* (words) {
        yield* words;
      });
    }, { interceptors: [authorize({ "*": bearerToken({ me: TOKEN }) })] });
    const [address] = running.addresses;
    const echo = "vrpc.echo.v1.EchoService/Echo";
    const stream = "vrpc.echo.v1.EchoService/EchoStream";
    const jobs: [args: string[], stdin: string, stdout: RegExp][] = [
      [["list", address], "", /^\/vrpc\.echo\.v1\.EchoService\/Echo +unary/m],
      [["call", address, echo, '{"payload":"aGk="}'], "", /"payload":"aGk="/],
      [["call", address, stream], '{"payload":"aGk="}\n', /"payload":"aGk="/],
      [["session", address, stream], '{"payload":"aGk="}\n', /"payload":"aGk="/],
      [["session", address, "/upper"], "hi\n", /^hi$/m],
    ];
    for (const [args, stdin, stdout] of jobs) {
      const options = ["--wire", wire, "-m", `authorization:Bearer ${TOKEN}`];
      const allowed = await vrpc([...options, ...args], stdin);
      assert.equal(allowed.code, 0, `${args.join(" ")}: ${allowed.stderr}`);
      assert.match(allowed.stdout, stdout);
      const refused = await vrpc(["--wire", wire, ...args], stdin);
      assert.equal(refused.code, 64 + Status.UNAUTHENTICATED, args.join(" "));
      assert.match(refused.stderr, /^UNAUTHENTICATED: /);
    }
  });
}

function failingServer(details: ErrorDetail[], reflection: boolean) {
  return serve("127.0.0.1:0", (router) => {
    addEcho(router);
    // A type that no service uses.
    if (reflection) addReflection(router, { files: [file_vrpc_enclave_v1_enclave] });
    router.method("/fail", {}, () => {
      throw new RpcError(Status.INVALID_ARGUMENT, "two fields are wrong", { details });
    });
  });
}

const enclaveRequest = toBinary(
  EnclaveRequestSchema,
  create(EnclaveRequestSchema, { xid: "x1" }),
);

const DETAILS: ErrorDetail[] = [
  packDetail(BadRequestSchema, {
    fieldViolations: [{ field: "name", description: "must not be empty" }],
  }),
  packDetail(ErrorInfoSchema, { reason: "BAD", domain: "shop", metadata: { a: "b" } }),
  packDetail(RetryInfoSchema, { retryDelay: { seconds: 5n } }),
  packDetail(EchoRequestSchema, { payload: new Uint8Array([1, 2]) }),
  { typeUrl: `type.googleapis.com/${EnclaveRequestSchema.typeName}`, value: enclaveRequest },
  { typeUrl: "type.example/shop.Unknown", value: new Uint8Array([8, 1]) },
  { typeUrl: "type.googleapis.com/google.rpc.ErrorInfo", value: new Uint8Array([255, 255]) },
];

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`vrpc prints error details, as text and as JSON: ${wire}`, async () => {
    await using running = await failingServer(DETAILS, true);
    const args = ["--wire", wire, "call", running.addresses[0], "/fail", "x"];
    const text = await vrpc(args);
    assert.equal(text.code, 64 + Status.INVALID_ARGUMENT);
    assert.deepEqual(text.stderr.trimEnd().split("\n"), [
      "INVALID_ARGUMENT: two fields are wrong",
      "  name: must not be empty",
      '  google.rpc.ErrorInfo: {"reason":"BAD","domain":"shop","metadata":{"a":"b"}}',
      '  google.rpc.RetryInfo: {"retryDelay":"5s"}',
      '  vrpc.echo.v1.EchoRequest: {"payload":"AQI="}',
      `  ${EnclaveRequestSchema.typeName}: {"xid":"x1"}`,
      "  type.example/shop.Unknown: CAE=",
      "  type.googleapis.com/google.rpc.ErrorInfo: //8=",
    ]);
    const json = await vrpc(["--format", "json", ...args]);
    assert.equal(json.code, 64 + Status.INVALID_ARGUMENT);
    assert.equal(json.stderr.trimEnd().split("\n").length, 1);
    const { code, message, details, violations } = JSON.parse(json.stderr);
    assert.deepEqual(violations, [{ field: "name", description: "must not be empty" }]);
    assert.deepEqual([code, message], ["INVALID_ARGUMENT", "two fields are wrong"]);
    assert.deepEqual(details.slice(2), [
      { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "5s" },
      { "@type": "type.googleapis.com/vrpc.echo.v1.EchoRequest", payload: "AQI=" },
      { "@type": `type.googleapis.com/${EnclaveRequestSchema.typeName}`, xid: "x1" },
      { "@type": "type.example/shop.Unknown", value: "CAE=" },
      { "@type": "type.googleapis.com/google.rpc.ErrorInfo", value: "//8=" },
    ]);
  });
}

Deno.test("vrpc prints google.rpc details of a server without reflection, and the others encoded", async () => {
  await using running = await failingServer(DETAILS.slice(2, 4), false);
  const { stderr } = await vrpc(["call", running.addresses[0], "/fail", "x"]);
  assert.deepEqual(stderr.trimEnd().split("\n").slice(1), [
    '  google.rpc.RetryInfo: {"retryDelay":"5s"}',
    "  type.googleapis.com/vrpc.echo.v1.EchoRequest: CgIBAg==",
  ]);
});

Deno.test("vrpc list --format json prints one object per method", async () => {
  await using running = await server();
  const { stdout } = await vrpc(["list", "--format", "json", running.addresses[0]]);
  const methods = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.ok(methods.some((one) => one.name === "/vrpc.echo.v1.EchoService/Echo"));
});
