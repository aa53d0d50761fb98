import assert from "node:assert/strict";
import { AllowList, normalHost, parseHostPort } from "../../../src/guest/egress/allow_list.ts";

Deno.test("only the very host and port is allowed", () => {
  const list = new AllowList(["KMS.example.:443", "10.0.0.5:5432", "[FD00::1]:80"]);
  const allows = (text: string) => list.allows(parseHostPort(text)!);
  for (const good of ["kms.example:443", "kms.EXAMPLE.:443", "10.0.0.5:5432", "[fd00:0::1]:80"]) {
    assert.ok(allows(good), good);
  }
  const bad = [
    "kms.example:80",
    "a.kms.example:443",
    "example:443",
    "10.0.0.5:443",
    "[fd00::2]:80",
  ];
  for (const text of bad) assert.ok(!allows(text), text);
});

Deno.test("names may lead to special addresses only in the ranges that are allowed", () => {
  const list = new AllowList(["db.internal:5432"], ["10.0.0.0/8"]);
  assert.equal(list.refusesAddress("1.1.1.1"), undefined);
  assert.equal(list.refusesAddress("10.9.9.9"), undefined);
  assert.equal(list.refusesAddress("::ffff:10.9.9.9"), undefined);
  assert.equal(list.refusesAddress("192.168.0.1"), "private address");
  assert.equal(list.refusesAddress("127.0.0.1"), "loopback address");
  assert.equal(list.refusesAddress("db.internal"), "not an IP address");
});

Deno.test("lists that are wrong are refused with the item", () => {
  const wrong = ["", "kms.example", "kms.example:0", "kms.example:65536", "*.example:443", "a b:1"];
  wrong.push(
    "https://kms.example:443",
    "unix:/run/x:1",
    "::1:80",
    "[1.2.3.4]:80",
    "k/ms:1",
    ":443",
  );
  for (const text of wrong) {
    assert.throws(() => new AllowList([text]), {
      name: "RangeError",
      message: /Cannot allow .*443/,
    });
  }
  assert.throws(() => new AllowList([]), TypeError);
  assert.throws(() => new AllowList("kms.example:443" as never), TypeError);
  assert.throws(() => new AllowList(["a:1"], "10.0.0.0/8" as never), TypeError);
  assert.throws(() => new AllowList(["a:1"], ["10.0.0.0"].concat("x")), RangeError);
});

Deno.test("hosts have one form", () => {
  assert.equal(normalHost("A-b_c.Example."), "a-b_c.example");
  assert.equal(normalHost("::FFFF:1.2.3.4"), "::ffff:102:304");
  for (const text of ["", ".", "a..b", "-a.b", "a-.b", "ü.example", "a\r\n.b", "a".repeat(64)]) {
    assert.equal(normalHost(text), undefined, text);
  }
  assert.equal(normalHost(`${"a.".repeat(127)}a`), undefined);
});
