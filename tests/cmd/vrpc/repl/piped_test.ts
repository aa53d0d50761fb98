import assert from "node:assert/strict";
import { RpcError, serve, Status } from "../../../../mod.ts";
import { addEcho, addHealth, addReflection } from "../../../../src/services/mod.ts";
import { runProgram } from "../../../fixtures/run_program.ts";

const repl = (address: string, lines: string[], ...flags: string[]) =>
  runProgram("cmd/vrpc.ts", [...flags, "repl", address], lines.map((line) => `${line}\n`).join(""));

function server() {
  return serve("127.0.0.1:0", (router) => {
    addEcho(router);
    addHealth(router);
    addReflection(router);
    router.method("/who", {}, (_, context) => {
      const values = [context.metadata.get("who"), context.timeRemainingMs() < Infinity];
      return new TextEncoder().encode(JSON.stringify(values));
    });
    router.method("/refuse", { kind: "client_streaming" }, () => {
      throw new RpcError(Status.NOT_FOUND, "nothing here");
    });
  }, { web: true });
}

Deno.test("vrpc repl reads commands from lines, without prompts, and exits with the first failure", async () => {
  await using running = await server();
  const [address] = running.addresses;
  const good = await repl(address, [
    "# lines like this one are skipped",
    "",
    "list echostream",
    "describe EchoRequest",
    "template Echo",
    'call Echo {"payload":',
    '"aGk="}',
    "call EchoService.EchoStream",
    '{"payload": "YQ=="}',
    '{"payload": "Yg=="} {"payload": "Yw=="}',
    "",
    'call /vrpc.echo.v1.EchoService/EchoStream {"payload": "ZA=="} {"payload": "ZQ=="}',
    "health",
    "help exit",
    "exit",
    "not reached",
  ]);
  assert.equal(good.code, 0, good.stderr);
  assert.equal(good.stderr, "");
  assert.doesNotMatch(good.stdout, /> /);
  const [list] = good.stdout.split("\n");
  assert.match(list, /^\/vrpc\.echo\.v1\.EchoService\/EchoStream +bidi_streaming /);
  assert.match(good.stdout, /^message EchoRequest \{\n {2}bytes payload = 1;\n\}$/m);
  const payloads = good.stdout.matchAll(/^\{"payload":"(\S*?)"/gm);
  assert.deepEqual(
    Array.from(payloads, ([, text]) => text),
    ["aGk=", "YQ==", "Yg==", "Yw==", "ZA==", "ZQ=="],
  );
  assert.match(good.stdout, /^SERVING\nexit\n {2}leave; so does Ctrl-D$/m);
  const bad = await repl(address, [
    "call Ech",
    "health nothing",
    "set timout 3",
    "call Echo {]",
    "call /refuse",
  ]);
  assert.equal(bad.code, 64 + Status.UNIMPLEMENTED);
  assert.deepEqual(bad.stderr.split("\n").slice(0, 3), [
    "UNIMPLEMENTED: There is no method Ech; did you mean Echo?",
    "NOT_FOUND: Unknown service nothing",
    "There is no setting timout; did you mean timeout?",
  ]);
  assert.match(bad.stderr, /^Not a valid vrpc\.echo\.v1\.EchoRequest message: /m);
});

Deno.test("requests of a call that failed are not run as commands", async () => {
  await using running = await server();
  const { code, stdout, stderr } = await repl(
    running.addresses[0],
    [
      "call refuse",
      "one",
      "two",
      "",
      "health",
    ],
    "--wire",
    "lean",
  );
  assert.equal(code, 64 + Status.NOT_FOUND);
  assert.equal(stderr, "NOT_FOUND: nothing here\n");
  assert.equal(stdout, "SERVING\n");
});

Deno.test("settings change the calls that follow", async () => {
  await using running = await server();
  const lines = [
    "set header who: me",
    "set timeout 2s",
    "call /who x",
    "set timeout none",
    "unset header who",
    "set wire lean",
    "call who x",
    "set wire connect",
    "set header",
    "set header broken",
    "set timeout soon",
    "set format json",
    "call /nothing x",
    "set",
  ];
  const { code, stdout, stderr } = await repl(running.addresses[0], lines);
  assert.equal(code, 2);
  assert.match(stdout, /^\["me",true\]\nRemoved 1 entry\.\n\[null,false\]\nheader {9}none\n/);
  assert.match(stdout, /^wire {11}connect$/m);
  assert.match(stderr, /^Cannot use metadata broken: use the form key:value$/m);
  assert.match(stderr, /^Cannot use timeout soon: /m);
  assert.equal(JSON.parse(stderr.trimEnd().split("\n").at(-1)!).code, "UNIMPLEMENTED");
});

Deno.test("vrpc repl says why it cannot start", async () => {
  const gone = await repl("127.0.0.1:9", [], "--connect-timeout", "200ms");
  assert.equal(gone.code, 64 + Status.UNAVAILABLE);
  assert.match(gone.stderr, /^UNAVAILABLE: Channel to 127\.0\.0\.1:9: not ready after 200 ms/);
  const raw = await repl("127.0.0.1:9", [], "--format", "raw");
  assert.equal(raw.code, 2);
  assert.equal(raw.stderr, "vrpc: repl takes neither --format raw nor --max-time\n");
});
