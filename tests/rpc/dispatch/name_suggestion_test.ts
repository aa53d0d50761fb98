import assert from "node:assert/strict";
import { didYouMean, NameSuggestions } from "../../../src/rpc/dispatch/name_suggestion.ts";

Deno.test("NameSuggestions limits the rate of searches", () => {
  const suggestions = new NameSuggestions();
  let searches = 0;
  const candidates = () => {
    searches++;
    return ["/a.B/Echo"];
  };
  assert.equal(suggestions.didYouMean("/a.B/Ecko", candidates), "; did you mean /a.B/Echo?");
  for (let i = 0; i < 100_000; i++) suggestions.didYouMean("/a.B/Ecko", candidates);
  // Ten at once, and five for each second that the loop took.
  assert.ok(searches >= 10 && searches < 1_000, `${searches}`);
});

Deno.test("didYouMean() suggests the nearest name, and none when all are far off", () => {
  assert.equal(didYouMean("ehco", ["crypto", "both", "echo"]), "; did you mean echo?");
  assert.equal(didYouMean("ECHO", ["echo"]), "; did you mean echo?");
  assert.equal(didYouMean("zzzzzzzz", ["echo", "crypto"]), "");
  assert.equal(didYouMean("rats", ["rate"]), "; did you mean rate?");
  assert.equal(didYouMean("rats", []), "");
});
