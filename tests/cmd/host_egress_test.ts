import assert from "node:assert/strict";
import { dialEgress } from "../../src/guest/mod.ts";
import { listen } from "../../src/transport/mod.ts";
import { Processes } from "../fixtures/processes.ts";

const QUIET = ["--addr", "127.0.0.1:0", "--enclave", "127.0.0.1:1"];

Deno.test("the host serves egress to allowed destinations, logs what it refuses, and measures", async () => {
  await using processes = new Processes();
  const outside = await listen("127.0.0.1:0");
  const host = processes.program("host", [
    ...[...QUIET, "--egress", "127.0.0.1:0", "--allow", outside.address],
    ...["--allow", "kms.eu-west-1.amazonaws.com:443"],
  ]);
  const [, proxy] = await host.line(/^egress (\S+)$/);
  const url = await host.address();
  const [stream, far] = await Promise.all([dialEgress(proxy, outside.address), outside.accept()]);
  await stream.write(new Uint8Array(100));
  let got = 0;
  const buffer = new Uint8Array(100);
  while (got < 100) got += await far!.read(buffer) ?? assert.fail("ended");
  await assert.rejects(dialEgress(proxy, "evil.test:443"), /evil\.test:443 is not an allowed/);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(metrics, /^vrpc_egress_bytes_total\{direction="sent"\} 100$/m);
  assert.match(metrics, /^vrpc_egress_refused_total\{reason="forbidden"\} 1$/m);
  assert.match(metrics, /^vrpc_egress_tunnels 1$/m);
  stream.close();
  far!.close();
  await outside.close();
  host.kill("SIGTERM");
  assert.equal(await host.code(), 0);
  const log = await host.errors();
  assert.match(log, /Refused a tunnel from .* to "?evil\.test:443"?: .*not an allowed destination/);
});

Deno.test("the host refuses options of egress that cannot have been meant", async () => {
  await using processes = new Processes();
  const wrong: readonly (readonly [string[], RegExp])[] = [
    [["--allow", "a.test:1"], /only with --egress/],
    [["--egress", "127.0.0.1:0"], /--egress needs --allow/],
    [["--egress", "127.0.0.1:0", "--allow", "*.test:1"], /without wildcards/],
    [["--egress", "127.0.0.1:0", "--allow", "a.test:1", "--allow-address", "10/8"], /range 10\/8/],
    [["--egress", "127.0.0.1:0", "--allow", "a.test:1", "--guest-cid", "x"], /CID/],
  ];
  await Promise.all(wrong.map(async ([args, message]) => {
    const host = processes.program("host", [...QUIET, ...args]);
    assert.equal(await host.code(), 2);
    assert.match(await host.errors(), message);
  }));
});
