import assert from "node:assert/strict";
import { AddressShares } from "../../src/limits/address_shares.ts";
import { MemoryPool } from "../../src/limits/memory_pool.ts";

Deno.test("connections of one address have one share", () => {
  const shares = new AddressShares(new MemoryPool(800));
  const [a, b, other] = ["10.0.0.1:5", "10.0.0.1:6", "10.0.0.2:5"].map((one) =>
    shares.acquire(one)
  );
  assert.equal(a, b);
  assert.notEqual(a, other);
  assert.equal(a.tryTake(400), true);
  // Above half of the pool: a quarter of the other half for each address.
  assert.equal(b.tryTake(1), false);
  assert.equal(other.tryTake(100), true);
  assert.equal(other.tryTake(1), false);
});

Deno.test("IPv6 addresses of one /64 have one share", () => {
  const shares = new AddressShares(new MemoryPool());
  const share = shares.acquire("[2001:db8:1:2::5]:80");
  assert.equal(shares.acquire("[2001:db8:1:2:9:8:7:6]:81"), share);
  assert.equal(shares.acquire("[2001:db8:1:2:ffff::]:81"), share);
  assert.notEqual(shares.acquire("[2001:db8:1:3::5]:80"), share);
  assert.notEqual(shares.acquire("[::1]:80"), share);
});

Deno.test("an IPv4 address has one share, mapped to IPv6 or not (RFC 4291 §2.5.5.2)", () => {
  const shares = new AddressShares(new MemoryPool());
  const share = shares.acquire("10.0.0.1:80");
  assert.equal(shares.acquire("[::ffff:10.0.0.1]:80"), share);
  assert.notEqual(shares.acquire("[::ffff:10.0.0.2]:80"), share);
});

Deno.test("a share is forgotten when nothing uses it", () => {
  const shares = new AddressShares(new MemoryPool());
  for (const port of [1, 2]) shares.acquire(`10.0.0.1:${port}`);
  shares.release("10.0.0.1:2");
  assert.equal(shares.size, 1);
  shares.release("10.0.0.1:1");
  assert.equal(shares.size, 0);
});
