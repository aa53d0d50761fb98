import assert from "node:assert/strict";
import { parsePathTemplate } from "../../../src/gateway/transcoding/path_template.ts";

/** Returns a template's segments, variables and verb as text. */
function shown(text: string): string {
  const { segments, variables, verb } = parsePathTemplate(text);
  const captured = variables.map(({ fieldPath, start, count }) =>
    `${fieldPath.join(".")}@${start}+${count}`
  );
  return [segments.join(" "), ...captured, ...(verb === "" ? [] : [`:${verb}`])].join(" | ");
}

Deno.test("google/api/http.proto, Path template syntax: segments, variables and verbs", () => {
  for (
    const [text, expected] of [
      ["/v1/shelves", "/v1 /shelves"],
      ["/", ""],
      ["/v1/*/books/**", "/v1 * /books **"],
      ["/v1/{shelf}", "/v1 * | shelf@1+1"],
      ["/v1/{name=shelves/*/books/**}", "/v1 /shelves * /books ** | name@1+4"],
      ["/v1/{a.b_c=x}/{d=**}:cancel", "/v1 /x ** | a.b_c@1+1 | d@2+1 | :cancel"],
      ["/v1/{a=x/**}/b:c", "/v1 /x ** /b | a@1+2 | :c"],
      ["/v1/**/{a=b/*}", "/v1 ** /b * | a@2+2"],
      ["/v1/{a=**}:b", "/v1 ** | a@1+1 | :b"],
      ["/v1/a:b/c:d", "/v1 /a:b /c | :d"],
      ["/v1:batch", "/v1 | :batch"],
      ["/v1/{name}:a%20b", "/v1 * | name@1+1 | :a b"],
      ["/v1/caf%C3%A9/a.b~c_d-e", "/v1 /café /a.b~c_d-e"],
    ]
  ) assert.equal(shown(text), expected, text);
});

Deno.test("invalid path templates are refused with their position", () => {
  for (
    const text of [
      "",
      "v1",
      "/v1/",
      "/v1//a",
      "/v1/{name",
      "/v1/{}",
      "/v1/{name=}",
      "/v1/{1a}",
      "/v1/{a.}",
      "/v1/{a..b}",
      "/v1/{a={b}}",
      "/v1/a}",
      "/v1/***",
      "/v1/a*",
      "/v1/{a}b",
      "/v1/**/b/**",
      "/v1/{a=**}/{b=**}",
      "/v1/{a=**/b/**}",
      "/v1/a:",
      "/v1/a:b:",
      "/v1/a?b",
      "/v1/a#b",
      "/v1/a b",
      "/v1/%zz",
      "/v1/%ff",
    ]
  ) assert.throws(() => parsePathTemplate(text), Error, text);
  assert.throws(() => parsePathTemplate("/v1/{a"), /invalid at character 6/);
});

Deno.test("a template has at most 64 segments", () => {
  const of = (count: number) => "/a".repeat(count);
  assert.equal(parsePathTemplate(of(64)).segments.length, 64);
  assert.throws(() => parsePathTemplate(of(65)), /more than 64 segments/);
  assert.throws(() => parsePathTemplate(`/{a=${of(65).slice(1)}}`), /more than 64 segments/);
});
