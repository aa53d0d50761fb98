import assert from "node:assert/strict";
import { RpcError, serve, Status, textCodec } from "../../mod.ts";
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
  });
}

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

Deno.test("vrpc call speaks JSON with typed methods, on both wires", async () => {
  await using running = await server();
  for (const wire of ["grpc", "lean"]) {
    const { stdout, stderr, code } = await vrpc(
      ["--wire", wire, "call", running.addresses[0], "vrpc.echo.v1.EchoService/Echo"],
      `{"payload":"aGVsbG8="}`,
    );
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).payload, "aGVsbG8=");
    assert.equal(stdout.split("\n").length, 2);
  }
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
    [["call", address, "/echo", "@/does/not/exist"], 2, /^vrpc: Cannot read \/does\/not\/exist/],
    [["call", address, "/echo", "x", "-m", "nothing"], 2, /^vrpc: .*use the form key:value$/],
    [["call", "not an address", "/echo"], 2, /^vrpc: /],
    [["--wire", "http", "list", address], 2, /must be grpc or lean/],
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
