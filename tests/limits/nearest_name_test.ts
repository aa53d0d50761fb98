import assert from "node:assert/strict";
import { nearestName } from "../../src/limits/nearest_name.ts";

Deno.test("nearestName() finds names that differ in case, in the package, or in three letters", () => {
  const names = ["/shop.Orders/List", "/shop.Orders/Refund", "/shop.Carts/List", "capabilities"];
  assert.equal(nearestName("/shop.orders/list", names), "/shop.Orders/List");
  assert.equal(nearestName("/shop.Orders/Refnud", names), "/shop.Orders/Refund");
  assert.equal(nearestName("/Refund", names), "/shop.Orders/Refund");
  assert.equal(nearestName("capabilites", names), "capabilities");
  assert.equal(nearestName("/bank.Accounts/Open", names), undefined);
  assert.equal(nearestName("/shop.Orders/Rxxxxx", names), undefined);
  assert.equal(nearestName("", names), undefined);
  assert.equal(nearestName("x".repeat(161), ["x".repeat(161)]), undefined);
  // The rows of one comparison are not read by the next.
  assert.equal(nearestName("ab", ["abcdefgh", "abc"]), "abc");
});

Deno.test("nearestName() finds options by their last part", () => {
  const names = ["timeoutMs", "limits.maxConnections"];
  assert.equal(nearestName("maxConnections", names), "limits.maxConnections");
});

Deno.test("nearestName() suggests nothing far-fetched", () => {
  const names = ["/pkg.Echo/Unary", "/pkg.Echo/Bidi", "/health", "a"];
  assert.equal(nearestName("/pkg.echo/unary", names), "/pkg.Echo/Unary");
  assert.equal(nearestName("/pkg.Echo/Unray", names), "/pkg.Echo/Unary");
  assert.equal(nearestName("/helth", names), "/health");
  assert.equal(nearestName("/nothing", names), undefined);
  assert.equal(nearestName("", names), undefined);
  assert.equal(nearestName("x".repeat(100_000), names), undefined);
});

Deno.test("nearestName() counts edits up to the limit that it is given", () => {
  assert.equal(nearestName("kitten", ["sitting"], 3), "sitting");
  assert.equal(nearestName("kitten", ["sitting"], 2), undefined);
});
