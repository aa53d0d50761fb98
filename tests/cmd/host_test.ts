import assert from "node:assert/strict";
import { join } from "node:path";
import { findChromium, Page } from "../fixtures/browser.ts";
import { type LineProcess, Processes } from "../fixtures/processes.ts";
import { statusOf } from "../fixtures/raw_http.ts";

const JSON_TYPE = { "content-type": "application/json" };

function start(processes: Processes, program: string, args: readonly string[]): LineProcess {
  return processes.program(program, ["--log-level", "error", ...args]);
}

async function startEnclave(
  processes: Processes,
  addr = "127.0.0.1:0",
): Promise<{ enclave: LineProcess; address: string }> {
  const enclave = start(processes, "enclave", ["--addr", addr]);
  return { enclave, address: await enclave.address() };
}

async function startHost(
  processes: Processes,
  enclave: string,
): Promise<{ host: LineProcess; url: string }> {
  const host = start(processes, "host", ["--addr", "127.0.0.1:0", "--enclave", enclave]);
  return { host, url: await host.address() };
}

async function echo(url: string): Promise<{ status: number; text: string }> {
  const body = '{"xid":"hello"}';
  const response = await fetch(`${url}/echo`, { method: "POST", headers: JSON_TYPE, body });
  return { status: response.status, text: await response.text() };
}

Deno.test("the host forwards to its enclave, waits while it restarts, and drains", async () => {
  await using processes = new Processes();
  const { enclave, address } = await startEnclave(processes);
  const { host, url } = await startHost(processes, address);
  assert.deepEqual(await echo(url), { status: 200, text: '{"dix":"olleh"}' });
  const ready = await fetch(`${url}/readyz`);
  assert.equal(ready.status, 200);
  assert.deepEqual(await ready.json(), { status: "serving", enclave: { address, state: "READY" } });

  enclave.kill("SIGKILL");
  await enclave.code();
  const away = await fetch(`${url}/echo`, { method: "POST", headers: JSON_TYPE, body: "{}" });
  assert.equal(away.status, 503);
  assert.equal(away.headers.get("retry-after"), "1");
  assert.equal((await away.json()).code, "UNAVAILABLE");
  const health = await fetch(`${url}/healthz`);
  assert.equal(health.status, 200);
  await health.body?.cancel();

  await startEnclave(processes, address);
  let again = await echo(url);
  for (let i = 0; i < 200 && again.status !== 200; i++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
    again = await echo(url);
  }
  assert.deepEqual(again, { status: 200, text: '{"dix":"olleh"}' });

  const { paths } = await (await fetch(`${url}/openapi.json`)).json();
  assert.ok("/vrpc.enclave.v1.EnclaveService/Echo" in paths);

  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(metrics, /^vrpc_host_requests_total\{path="\/echo",status="200"\} 2$/m);
  assert.match(metrics, /^vrpc_host_enclave_ready 1$/m);
  host.kill("SIGTERM");
  assert.equal(await host.code(), 0);
  assert.equal(await host.errors(), "");
});

Deno.test("the host logs that its enclave disconnects and reconnects", async () => {
  await using processes = new Processes();
  const { enclave, address } = await startEnclave(processes);
  const host = start(processes, "host", [
    ...["--addr", "127.0.0.1:0", "--enclave", address, "--log-level", "info"],
  ]);
  const url = await host.address();
  const until = async (state: string) => {
    for (;;) {
      const { enclave } = await (await fetch(`${url}/healthz`)).json();
      if (enclave.state === state) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  await until("READY");
  enclave.kill("SIGKILL");
  await until("TRANSIENT_FAILURE");
  await startEnclave(processes, address);
  await until("READY");
  host.kill("SIGTERM");
  assert.equal(await host.code(), 0);
  const lines = (await host.errors()).split("\n").filter((line) => / the enclave/.test(line))
    .map((line) => line.replace(/^.*?: /, ""));
  assert.equal(lines[0], `Connected to the enclave at ${address}`);
  // The second alternative: a dial accepted by the dying process.
  assert.match(
    lines[1],
    /^Lost the enclave: (Cannot connect to .*connection refused|Connection with .* broke: )/,
  );
  assert.equal(lines[2], `Connected to the enclave at ${address}`);
  assert.equal(lines.length, 3);
});

Deno.test("the host refuses foreign hosts and origins on every path", async () => {
  await using processes = new Processes();
  const { address } = await startEnclave(processes);
  const host = start(processes, "host", [
    ...["--addr", "127.0.0.1:0", "--enclave", address, "--allow-host", "api.example"],
  ]);
  const url = await host.address();
  const own = new URL(url).host;
  for (const path of ["/", "/healthz", "/methods.json", "/openapi.json", "/metrics", "/echo"]) {
    assert.equal(await statusOf(url + path, `evil.example:${new URL(url).port}`), 421, path);
    assert.equal(await statusOf(url + path, own, "http://evil.example"), 403, path);
  }
  assert.equal(await statusOf(`${url}/methods.json`, own, url), 200);
  assert.equal(await statusOf(`${url}/methods.json`, "api.example"), 200);
});

Deno.test("unknown paths share one label, whatever the status", async () => {
  await using processes = new Processes();
  const { enclave, address } = await startEnclave(processes);
  const { url } = await startHost(processes, address);
  const made = (i: number) => `${url}/made-up-${i}`;
  const timeout = { ...JSON_TYPE, "connect-timeout-ms": "soon" };
  const statuses = new Set<number>();
  const ask = async (target: string, init?: RequestInit) => {
    const response = await fetch(target, init);
    await response.body?.cancel();
    statuses.add(response.status);
  };
  await ask(made(1));
  await ask(made(2), { method: "POST", headers: timeout, body: "{}" });
  await ask(made(3), { method: "POST", headers: JSON_TYPE, body: "{}" });
  await ask(`${url}/echo`);
  enclave.kill("SIGKILL");
  await enclave.code();
  // The list of methods may be too recent for a reload.
  for (let i = 0; i < 200 && !statuses.has(503); i++) {
    await ask(made(4), { method: "POST", headers: JSON_TYPE, body: "{}" });
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.deepEqual([...statuses].sort(), [400, 404, 405, 503]);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.doesNotMatch(metrics, /made-up/);
  for (const status of [400, 404, 503]) {
    assert.match(
      metrics,
      new RegExp(`^vrpc_host_requests_total\\{path="other",status="${status}"\\}`, "m"),
    );
  }
  assert.match(metrics, /^vrpc_host_requests_total\{path="\/echo",status="405"\} 1$/m);
});

Deno.test("host and enclave report unusable options in one line", async () => {
  await using processes = new Processes();
  for (
    const [program, args, line] of [
      ["host", ["--addr", "nowhere"], /^host: Cannot use address nowhere \(--addr\)/],
      ["host", ["--enclave", "vsock:x:1"], /^host: .*vsock:x:1/],
      ["host", ["--timeout-ms", "soon"], /timeout-ms.*whole number/],
      ["enclave", ["--addr", "vsock:x:1"], /^enclave: .*vsock:x:1/],
      ["enclave", ["--allow-cid", "me"], /^enclave: Cannot use CID me/],
      ["enclave", ["--attest", "udp"], /'udp' is invalid.*Allowed choices are tls, vsock/],
    ] as const
  ) {
    const process = start(processes, program, args);
    assert.equal(await process.code(), 2, `${program} ${args.join(" ")}`);
    const errors = (await process.errors()).trim();
    assert.match(errors, line);
    assert.equal(errors.split("\n").length, 1, errors);
  }
});

Deno.test({
  name: "outside of an enclave, enclave --attest is exit code 1, with the reason",
  ignore: await Deno.stat("/dev/nsm").then(() => true, () => false),
  async fn() {
    await using processes = new Processes();
    const process = start(processes, "enclave", ["--addr", "127.0.0.1:0", "--attest", "tls"]);
    assert.equal(await process.code(), 1);
    assert.match(await process.errors(), /^enclave: Cannot use \/dev\/nsm: .*\n$/);
  },
});

Deno.test("an address in use is exit code 1 for host and enclave, as for the server", async () => {
  await using processes = new Processes();
  const { address } = await startEnclave(processes);
  for (
    const [program, args] of [
      ["host", ["--addr", address]],
      ["enclave", ["--addr", address]],
      ["enclave", ["--addr", "127.0.0.1:0", "--metrics-addr", address]],
    ] as const
  ) {
    const process = start(processes, program, args);
    assert.equal(await process.code(), 1, `${program} ${args.join(" ")}`);
    const errors = (await process.errors()).trim();
    assert.match(
      errors,
      /^\w+: Cannot listen on .*: the address is in use; find the process with: ss /,
    );
    assert.equal(errors.split("\n").length, 1, errors);
  }
});

const chromium = await findChromium();

Deno.test({
  name: `the status page calls a method, narrow and wide, light and dark${
    chromium === undefined ? " (skipped: chromium is not installed)" : ""
  }`,
  ignore: chromium === undefined,
  async fn() {
    await using processes = new Processes();
    const { address } = await startEnclave(processes);
    const { url } = await startHost(processes, address);
    await using page = await Page.open(chromium!);
    for (const [width, dark] of [[1200, false], [1200, true], [420, false], [420, true]] as const) {
      await page.look(width, 900, dark);
      await page.goto(url);
      await page.until("document.querySelectorAll('li button').length >= 4");
      await page.until("document.getElementById('state').textContent === 'READY'");
      await page.evaluate(
        `[...document.querySelectorAll('li button')].find((b) => b.textContent.includes("EnclaveService")).click()`,
      );
      await page.evaluate(`document.getElementById('body').value = '{"xid":"hello"}'`);
      await page.evaluate("document.getElementById('send').click()");
      await page.until("document.getElementById('reply').textContent.includes('olleh')");
      assert.equal(
        await page.evaluate(
          "document.documentElement.scrollWidth - document.documentElement.clientWidth",
        ),
        0,
        `something sticks out at ${width}`,
      );
      const folder = Deno.env.get("VRPC_SCREENSHOTS");
      if (folder !== undefined) {
        await Deno.writeFile(
          join(folder, `host-${width}-${dark ? "dark" : "light"}.png`),
          await page.screenshot(),
        );
      }
    }
    assert.deepEqual(page.complaints, []);
  },
});
