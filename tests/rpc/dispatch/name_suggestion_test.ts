import assert from "node:assert/strict";
import { didYouMean, NameHints, nearestName } from "../../../src/rpc/dispatch/name_suggestion.ts";

Deno.test("nearestName() finds what is equal but for case, ends alike, or is three edits away", () => {
  const names = ["/shop.Orders/List", "/shop.Orders/Refund", "/shop.Carts/List", "capabilities"];
  assert.equal(nearestName("/shop.orders/list", names), "/shop.Orders/List");
  assert.equal(nearestName("/shop.Orders/Refnud", names), "/shop.Orders/Refund");
  assert.equal(nearestName("/Refund", names), "/shop.Orders/Refund");
  assert.equal(nearestName("capabilites", names), "capabilities");
  assert.equal(nearestName("/bank.Accounts/Open", names), undefined);
  assert.equal(nearestName("/shop.Orders/Rxxxxx", names), undefined);
  assert.equal(nearestName("", names), undefined);
  assert.equal(nearestName("x".repeat(161), ["x".repeat(161)]), undefined);
  // What one comparison leaves behind is nothing to the next.
  assert.equal(nearestName("ab", ["abcdefgh", "abc"]), "abc");
});

Deno.test("NameHints stop searching for whoever asks again and again", () => {
  const hints = new NameHints();
  let searches = 0;
  const candidates = () => {
    searches++;
    return ["/a.B/Echo"];
  };
  assert.equal(hints.nearest("/a.B/Ecko", candidates), "/a.B/Echo");
  for (let i = 0; i < 100_000; i++) hints.nearest("/a.B/Ecko", candidates);
  // Ten at once, and five for each second that this took.
  assert.ok(searches >= 10 && searches < 1_000, `${searches}`);
});

Deno.test("didYouMean() names what was meant, and nothing when it is far off", () => {
  assert.equal(didYouMean("ehco", ["crypto", "both", "echo"]), "; did you mean echo?");
  assert.equal(didYouMean("ECHO", ["echo"]), "; did you mean echo?");
  assert.equal(didYouMean("zzzzzzzz", ["echo", "crypto"]), "");
  assert.equal(didYouMean("rats", ["rate"]), "; did you mean rate?");
  assert.equal(didYouMean("rats", []), "");
});

Deno.test("nearestName() counts edits up to the limit that it is given", () => {
  assert.equal(nearestName("kitten", ["sitting"], 3), "sitting");
  assert.equal(nearestName("kitten", ["sitting"], 2), undefined);
});
