import assert from "node:assert/strict";
import { Metadata, RpcError, serve, Status } from "../../mod.ts";
import { runProgram } from "../fixtures/run_program.ts";
import { file, message, scalar, service, typed } from "../schema/descriptors.ts";
import {
  addReflectionOf,
  endlessFiles,
  files,
  services,
  unknown,
} from "../services/hostile_reflection.ts";

const EVIL = "a\x1b]0;b\x07\x9b\u202ec\nvrpc: forged";

/** Asserts that no line is forged and nothing steers a terminal. */
function assertPrintable(text: string): void {
  // deno-lint-ignore no-control-regex -- control characters are what must not be there
  assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/);
  assert.doesNotMatch(text, /^vrpc: forged/m);
}

function evilServer() {
  return serve("127.0.0.1:0", (router) => {
    addReflectionOf(router, (question) => {
      if (question.case === "listServices") return services("t.S", EVIL);
      if (question.value !== "t.S") return unknown(EVIL);
      return files(file(`${EVIL}.proto`, {
        dependency: [EVIL],
        messageType: [
          message("M", [scalar("text", 1, "string", { jsonName: EVIL })]),
          message("Bad", [typed("x", 1, `.${EVIL}`)]),
        ],
        service: [
          service("S", { Echo: [".t.M", ".t.M"], Bad: [".t.Bad", ".t.M"], [EVIL]: ["", ""] }),
        ],
      }));
    });
    router.method("/t.S/Echo", {}, (request) => request);
    router.method("/described", { description: EVIL }, (request) => request);
    router.method("/fail", {}, () => {
      throw new RpcError(Status.NOT_FOUND, EVIL, {
        metadata: new Metadata({ trailer: "x" }),
        details: [{ typeUrl: `x/${EVIL}`, value: new TextEncoder().encode(EVIL) }],
      });
    });
  });
}

Deno.test("vrpc prints nothing of a peer that forges lines or steers a terminal", async () => {
  await using server = await evilServer();
  const [address] = server.addresses;
  for (
    const [args, expected] of [
      [["list", address], /^\/a\\u001b\]0;b\\u0007\\u009b\\u202ec\\u000avrpc: forged +\? .*not/m],
      [["list", address], /^\/t\.S\/Bad .*the type a\\u001b/m],
      [["list", "--wire", "lean", address], /^\/described .* a\\u001b\]0;b/m],
      [
        ["call", address, "/fail", "x"],
        /^NOT_FOUND: a\\u001b\]0;b\\u0007\\u009b\\u202ec vrpc: forged$/m,
      ],
      [["call", "--wire", "lean", address, "/fail", "x"], /^NOT_FOUND: a\\u001b/m],
      [
        ["call", address, "t.S/Bad", "{}"],
        /^UNIMPLEMENTED: Cannot call t\.S\/Bad with JSON: the type a\\u001b/m,
      ],
      [["call", address, "t.S/Echo", JSON.stringify({ text: EVIL })], /^{"a\\u001b\]0;b/m],
      [["call", address, "t.S/Echo", '{"x":1}'], /^vrpc: Not a valid t\.M message: /m],
      [["call", address, "t.Other/M", "{}"], /^UNIMPLEMENTED: The server has no service t\.Other/m],
    ] as const
  ) {
    const { stdout, stderr } = await runProgram("cmd/vrpc.ts", args);
    assertPrintable(stdout);
    assertPrintable(stderr);
    assert.match(stdout + stderr, expected);
  }
});

Deno.test("the benchmark prints nothing of a peer that forges lines", async () => {
  await using server = await evilServer();
  const [address] = server.addresses;
  const load = ["--server", address, "-n", "3", "-c", "1", "--progress", "off"];
  for (
    const args of [["--method", "t.S/Bad"], ["--method", "t.S/Gone"], ["--method", "t.S/Echo"]]
  ) {
    const { stdout, stderr } = await runProgram("cmd/benchmark.ts", [...load, ...args]);
    assertPrintable(stdout);
    assertPrintable(stderr);
  }
});

Deno.test("vrpc ends when the files of a reflection have no end", async () => {
  await using server = await serve("127.0.0.1:0", (router) => {
    addReflectionOf(router, endlessFiles(3_000_000));
  });
  const { stderr, code } = await runProgram("cmd/vrpc.ts", ["list", server.addresses[0]]);
  assert.equal(code, 64 + Status.RESOURCE_EXHAUSTED);
  assert.match(
    stderr,
    /^RESOURCE_EXHAUSTED: The descriptors have too many bytes, limit is 8388608/,
  );
});
