import assert from "node:assert/strict";
import { didYouMean, NameHints } from "../../../src/rpc/dispatch/name_suggestion.ts";

Deno.test("NameHints stop searching when the rate is used up", () => {
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
