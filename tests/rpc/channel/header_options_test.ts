import assert from "node:assert/strict";
import { checkAuthority, checkUserAgent } from "../../../src/rpc/channel/header_options.ts";

Deno.test("an authority is a host with or without a port", () => {
  for (const good of [undefined, "example.com", "example.com:443", "[::1]:8080", "a%20b"]) {
    checkAuthority(good);
  }
  for (const bad of ["", "user@host", "host:port", "host:123456", "a/b", "a b", "a\r\nb"]) {
    assert.throws(() => checkAuthority(bad), /must be a host or host:port/, bad);
  }
});

Deno.test("a user agent is printable ASCII without space at its ends", () => {
  for (const good of [undefined, "", "app/1.0 (linux)"]) checkUserAgent(good);
  for (const bad of [" app", "app ", "äpp", "a\nb"]) {
    assert.throws(() => checkUserAgent(bad), /printable ASCII/, bad);
  }
});
