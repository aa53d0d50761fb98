import assert from "node:assert/strict";
import { findVirtualHost } from "../../../src/xds/routing/virtual_host.ts";
import type { VirtualHost } from "../../../src/xds/resources/types.ts";

Deno.test("virtual host: exact before suffix, prefix and any; longer before shorter", () => {
  const host = (...domains: string[]): VirtualHost => ({
    domains,
    routes: [],
    retry: undefined,
    overrides: new Map(),
  });
  const hosts = [
    host("*"),
    host("*.example.com", "*.com"),
    host("shop.*"),
    host("Shop.Example.com"),
    host("*.shop.example.com"),
  ];
  const find = (name: string) => hosts.indexOf(findVirtualHost(hosts, name)!);
  assert.equal(find("shop.example.com"), 3);
  assert.equal(find("a.example.com"), 1);
  assert.equal(find("a.shop.example.com"), 4);
  assert.equal(find("shop.example.org"), 2);
  assert.equal(find("other"), 0);
  assert.equal(findVirtualHost([host("a", "*.b")], ".b"), undefined);
});
