import assert from "node:assert/strict";
import { allowedHosts } from "../../src/gateway/mod.ts";

type Options = Parameters<typeof allowedHosts>[0];

function status(options: Options, host: string, origin?: string): number {
  const headers: Record<string, string> = { host };
  if (origin !== undefined) headers.origin = origin;
  const request = new Request("http://127.0.0.1:1323/", { headers });
  return allowedHosts(options)(request)?.status ?? 200;
}

const LOOPBACK = { hostname: "127.0.0.1", port: 1323 };

Deno.test("allowedHosts() takes the listening address and local names with their port", () => {
  for (const host of ["127.0.0.1:1323", "localhost:1323", "LocalHost:1323", "[::1]:1323"]) {
    assert.equal(status(LOOPBACK, host), 200, host);
    assert.equal(status({ hostname: "::1", port: 1323 }, host), 200, host);
  }
  assert.equal(status({ hostname: "10.0.0.7", port: 80 }, "10.0.0.7"), 200);
  assert.equal(status({ hostname: "10.0.0.7", port: 80 }, "localhost"), 200);
});

Deno.test("allowedHosts() refuses other hosts, also those that look like a local one", () => {
  for (
    const host of [
      "evil.example",
      "evil.example:1323",
      "localhost.evil.example:1323",
      "127.0.0.1.evil.example:1323",
      "localhost",
      "localhost:1324",
      "localhost.:1323",
      "localhost:1323, evil.example",
      "evil@localhost:1323",
      "10.0.0.7:1323",
      "",
    ]
  ) assert.equal(status(LOOPBACK, host), 421, host);
});

Deno.test("allowedHosts() takes any address, but no name, on a wildcard address", () => {
  for (const hostname of ["0.0.0.0", "::"]) {
    const options = { hostname, port: 1323 };
    for (const host of ["10.0.0.7:1323", "10.0.0.7:8080", "[fd00::7]:1323", "localhost:8080"]) {
      assert.equal(status(options, host), 200, host);
    }
    for (const host of ["evil.example:1323", "1.2.3.4.nip.io:1323", "host"]) {
      assert.equal(status(options, host), 421, host);
    }
  }
});

Deno.test("allowedHosts() takes the hosts that are allowed", () => {
  const options = { ...LOOPBACK, allow: ["api.example", "Two.example:8080"] };
  assert.equal(status(options, "api.example"), 200);
  assert.equal(status(options, "api.example:99"), 200);
  assert.equal(status(options, "two.example:8080"), 200);
  assert.equal(status(options, "two.example:8081"), 421);
  assert.equal(status(options, "x.api.example"), 421);
  assert.equal(status({ ...LOOPBACK, allow: ["*"] }, "evil.example", "http://a.b"), 200);
  for (
    const entry of [
      "",
      "a b",
      "http://a.example",
      "a/b",
      "a:b",
      "*.a.example",
      "a:70000",
      "ä.example",
      "a.",
      "::g",
    ]
  ) {
    assert.throws(() => allowedHosts({ ...LOOPBACK, allow: [entry] }), TypeError, entry);
  }
});

Deno.test("allowedHosts() refuses origins other than the host of the request", async () => {
  const host = "localhost:1323";
  assert.equal(status(LOOPBACK, host, "http://localhost:1323"), 200);
  for (
    const origin of [
      "null",
      "http://evil.example",
      "http://localhost",
      "http://localhost:3000",
      "http://127.0.0.1:1323",
      "file://localhost:1323",
      "http://localhost:1323.evil.example",
      "",
    ]
  ) assert.equal(status(LOOPBACK, host, origin), 403, origin);
  // Behind a reverse proxy that sends its own Host.
  const proxied = { ...LOOPBACK, allow: ["api.example"] };
  assert.equal(status(proxied, host, "https://api.example"), 200);
  const request = new Request("http://x/", { headers: { host: "evil.example" } });
  const body = await allowedHosts(LOOPBACK)(request)!.json();
  assert.equal(body.code, "PERMISSION_DENIED");
  assert.match(body.message, /"evil\.example".*the option allow$/);
});

Deno.test("allowedHosts() names the option that allows more in its refusals", async () => {
  const refusal = async (headers: Record<string, string>, option?: string) => {
    const request = new Request("http://127.0.0.1:1323/", { headers });
    const { message } = await allowedHosts({ ...LOOPBACK, option })(request)!.json();
    return message;
  };
  const [host, own] = [{ host: "evil.example" }, { host: "localhost:1323", origin: "http://a" }];
  assert.equal(await refusal(host), 'Refused host "evil.example": allow it with the option allow');
  assert.equal(
    await refusal(host, "--metrics-allow-host"),
    'Refused host "evil.example": allow it with --metrics-allow-host',
  );
  assert.equal(
    await refusal(own, "--metrics-allow-host"),
    'Refused origin "http://a": allow its host with --metrics-allow-host',
  );
});
