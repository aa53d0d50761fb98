import assert from "node:assert/strict";
import { bindRule, type HttpBinding } from "../../../src/gateway/transcoding/binding.ts";
import { TemplateTable } from "../../../src/gateway/transcoding/template_table.ts";
import { typesOf } from "../../../src/schema/types.ts";
import { assertGrowth } from "../../fixtures/growth.ts";
import { apiFile, HTTP_BODY, method, read } from "./annotated.ts";

const { registry } = typesOf([HTTP_BODY, apiFile([method("Get", ".t.All", ".t.All")])]);
const desc = registry.getService("t.Api")!.methods[0];

/** Makes a table of `GET /v1/a` and the like. */
function tableOf(...rules: readonly string[]): TemplateTable {
  const table = new TemplateTable();
  for (const text of rules) table.add(binding(text));
  return table;
}

function binding(text: string) {
  const [httpMethod, path] = text.split(" ");
  return bindRule({ path: "/t.Api/Get", desc, registry }, read({ httpMethod, path }));
}

/** Returns the template that a request leads to, and its values. */
function found(table: TemplateTable, text: string): string | undefined {
  const [httpMethod, path] = text.split(" ");
  const match = table.match(httpMethod, path);
  return match && [match.binding.rule.path, ...match.values].join(" | ");
}

Deno.test("a literal is preferred to *, and * to **, in each segment from the left", () => {
  const rules = ["GET /v1/{text=**}", "GET /v1/{text}", "GET /v1/a", "GET /v1/{text=a/*}"];
  for (const order of [rules, rules.toReversed()]) {
    const table = tableOf(...order);
    assert.equal(found(table, "GET /v1/a"), "/v1/a");
    assert.equal(found(table, "GET /v1/b"), "/v1/{text} | b");
    assert.equal(found(table, "GET /v1/a/b"), "/v1/{text=a/*} | a/b");
    assert.equal(found(table, "GET /v1/b/c"), "/v1/{text=**} | b/c");
    assert.equal(found(table, "GET /v1/a/b/c"), "/v1/{text=**} | a/b/c");
    assert.equal(found(table, "GET /v1"), "/v1/{text=**} | ");
    assert.equal(found(table, "GET /v2"), undefined);
  }
});

Deno.test("a segment that leads nowhere is tried as a wildcard", () => {
  const table = tableOf("GET /v1/a/x", "GET /v1/{text}/y", "GET /{text=**}:z");
  assert.equal(found(table, "GET /v1/a/y"), "/v1/{text}/y | a");
  assert.equal(found(table, "GET /v1/a/z"), undefined);
  assert.equal(found(table, "GET /v1/a/q:z"), "/{text=**}:z | v1/a/q");
});

Deno.test("the HTTP method takes part in the choice, * is any, and HEAD is GET", () => {
  const table = tableOf("GET /v1/{text}", "POST /v1/a", "* /v2/{text}", "PUT /v2/{text}");
  assert.equal(found(table, "GET /v1/a"), "/v1/{text} | a");
  assert.equal(found(table, "POST /v1/a"), "/v1/a");
  assert.equal(found(table, "HEAD /v1/a"), "/v1/{text} | a");
  assert.equal(found(table, "POST /v1/b"), undefined);
  assert.equal(found(table, "REPORT /v2/b"), "/v2/{text} | b");
  assert.deepEqual(table.methodsFor("/v1/a"), ["GET", "POST"]);
  assert.deepEqual(table.methodsFor("/v1/b"), ["GET"]);
  assert.deepEqual(table.methodsFor("/v2/b"), ["*", "PUT"]);
  assert.deepEqual(table.methodsFor("/v3"), []);
});

Deno.test("what follows the last colon is a verb if one matches, else part of the segment", () => {
  const table = tableOf("POST /v1/{text=a/*}:cancel", "GET /v1/{text=a/*}", "GET /v1:all");
  assert.equal(found(table, "POST /v1/a/b:cancel"), "/v1/{text=a/*}:cancel | a/b");
  assert.equal(found(table, "POST /v1/a/b:c:cancel"), "/v1/{text=a/*}:cancel | a/b:c");
  assert.equal(found(table, "GET /v1/a/b:cancel"), "/v1/{text=a/*} | a/b:cancel");
  assert.equal(found(table, "GET /v1:all"), "/v1:all");
  assert.equal(found(table, "POST /v1/a/b"), undefined);
  assert.equal(found(table, "POST /v1/a/b:cancel:"), undefined);
});

Deno.test("empty segments match no variable, and a slash at the end is a segment", () => {
  const table = tableOf("GET /v1/{text}", "GET /v1/{text}/b", "GET /");
  for (const path of ["/v1/", "/v1//b", "/v1/a/", "//", "/v1/a/b/"]) {
    assert.equal(found(table, `GET ${path}`), undefined, path);
  }
  assert.equal(found(table, "GET /"), "/");
});

Deno.test("literals are compared decoded, and values are decoded by their number of segments", () => {
  const table = tableOf("GET /v1/x/{text=**}");
  assert.equal(found(table, "GET /v1/x/a%2Fb%20c/d"), "/v1/x/{text=**} | a%2Fb c/d");
  assert.equal(found(table, "GET /v1/%78/a"), "/v1/x/{text=**} | a");
  const one = tableOf("GET /v1/{text}", "GET /v1/caf%C3%A9/{text}");
  assert.equal(found(one, "GET /v1/a%2Fb"), "/v1/{text} | a/b");
  assert.equal(found(one, "GET /v1/caf%c3%a9/1"), "/v1/caf%C3%A9/{text} | 1");
  assert.throws(() => one.match("GET", "/v1/%zz"), URIError);
});

Deno.test("of two templates for the same requests the first is kept", () => {
  const table = tableOf("GET /v1/{text}");
  const first = table.bindings[0];
  assert.equal(table.add(binding("GET /v1/{text=*}")), first);
  assert.equal(table.add(binding("GET /v1/*")), first);
  assert.equal(table.add(binding("PUT /v1/{text=*}")), undefined);
  assert.equal(table.add(binding("GET /v1/{text=*}:v")), undefined);
  assert.equal(table.bindings.length, 3);
});

Deno.test("** takes all segments but those that the template has after it", () => {
  const table = tableOf(
    "GET /v1/{text=a/**}/b",
    "GET /v1/{text=a/**}/c/*:v",
    "POST /v1/{text=a/*/**}/{left}",
    "PUT /v1/**/{text=x/*}",
  );
  assert.equal(found(table, "GET /v1/a/x/y/b"), "/v1/{text=a/**}/b | a/x/y");
  assert.equal(found(table, "GET /v1/a/b"), "/v1/{text=a/**}/b | a");
  assert.equal(found(table, "GET /v1/a/b/b"), "/v1/{text=a/**}/b | a/b");
  assert.equal(found(table, "GET /v1/a/x%2Fy%20/b"), "/v1/{text=a/**}/b | a/x%2Fy ");
  assert.equal(found(table, "GET /v1/a/c/z:v"), "/v1/{text=a/**}/c/*:v | a");
  for (const path of ["/v1/a", "/v1/a/x", "/v1/b", "/v1/a/b/", "/v1/a/c:v", "/v1/a/c/:v"]) {
    assert.equal(found(table, `GET ${path}`), undefined, path);
  }
  assert.equal(found(table, "POST /v1/a/1/2"), "/v1/{text=a/*/**}/{left} | a/1 | 2");
  assert.equal(found(table, "POST /v1/a/1/2/3/4%2F5"), "/v1/{text=a/*/**}/{left} | a/1/2/3 | 4/5");
  assert.equal(found(table, "POST /v1/a/1/2/"), undefined);
  assert.equal(found(table, "PUT /v1/1/2/x/3"), "/v1/**/{text=x/*} | x/3");
  assert.equal(found(table, "PUT /v1/x/3"), "/v1/**/{text=x/*} | x/3");
  assert.deepEqual(table.methodsFor("/v1/a/1/b"), ["GET", "POST"]);
});

Deno.test("after **, more segments with a literal come first, then the end, then wildcards alone", () => {
  const rules = [
    "GET /v1/{text=**}/b",
    "GET /v1/{text=**}/*/b",
    "GET /v1/{text=**}/{left}/c",
    "GET /v1/{text=**}/c/{left}",
    "POST /v1/{text=**}",
    "POST /v1/{text=**}/d",
    "PUT /v1/{text=**}/*/{left}",
    "PUT /v1/{text=**}/{left}",
  ];
  for (const order of [rules, rules.toReversed()]) {
    const table = tableOf(...order);
    assert.equal(found(table, "GET /v1/b"), "/v1/{text=**}/b | ");
    assert.equal(found(table, "GET /v1/x/b"), "/v1/{text=**}/*/b | ");
    assert.equal(found(table, "GET /v1/c/c"), "/v1/{text=**}/c/{left} |  | c");
    assert.equal(found(table, "POST /v1/x/d"), "/v1/{text=**}/d | x");
    assert.equal(found(table, "POST /v1/x/y"), "/v1/{text=**} | x/y");
    assert.equal(found(table, "PUT /v1/x/y"), "/v1/{text=**}/*/{left} |  | y");
    assert.equal(found(table, "PUT /v1/x"), "/v1/{text=**}/{left} |  | x");
  }
});

Deno.test("a template that another hides is taken out and named", () => {
  const rules = [
    "GET /v1/{text=a/**}",
    "GET /v1/{text=a/**}/{left}",
    "GET /v1/{text=a/**}/b",
    "POST /v1/{text=a/**}/{left}",
    "* /v2/{text=**}",
    "PUT /v2/{text=**}/*",
    "PUT /v2/{text=**}/*:v",
  ];
  for (const order of [rules, rules.toReversed()]) {
    const table = tableOf(...order);
    const hidden = table.removeHidden().map(({ binding, by }) => `${text(binding)} by ${text(by)}`);
    assert.deepEqual(hidden.sort(), [
      "GET /v1/{text=a/**}/{left} by GET /v1/{text=a/**}",
      "PUT /v2/{text=**}/* by * /v2/{text=**}",
    ]);
    assert.equal(table.bindings.length, 5);
    assert.equal(found(table, "GET /v1/a/x/y"), "/v1/{text=a/**} | a/x/y");
  }
});

function text({ rule }: HttpBinding): string {
  return `${rule.httpMethod} ${rule.path}`;
}

Deno.test("a look-up in many templates that share prefixes ends", () => {
  const rules: string[] = [];
  for (let i = 0; i < 1 << 12; i++) {
    const segments = Array.from({ length: 12 }, (_, bit) => i >> bit & 1 ? "a" : "*");
    rules.push(`GET /${segments.join("/")}/end`);
  }
  const table = tableOf(...rules);
  // It visits each node once. Each template tried with each way through the tree would take hours.
  for (let i = 0; i < 20; i++) {
    assert.equal(found(table, `GET /${"a/".repeat(12)}other`), undefined);
  }
});

for (
  const [where, rule] of [
    ["segments", (i: number) => `GET /v1/{text=a${i}}`],
    ["first segments after **", (i: number) => `GET /v1/{text=**}/a${i}/end`],
    ["last segments after **", (i: number) => `GET /v1/{text=**}/*/a${i}`],
    ["verbs after **", (i: number) => `GET /v1/{text=**}/end:a${i}`],
  ] as const
) {
  Deno.test(`a look-up costs the same with few and with many ${where}`, async () => {
    const tables = new Map([50, 5_000].map((count) => {
      const rules = Array.from({ length: count }, (_, i) => rule(i));
      return [count, tableOf(...rules)] as const;
    }));
    await assertGrowth([50, 5_000], 4, (count) => {
      for (let i = 0; i < 20_000; i++) {
        tables.get(count)!.match("GET", "/v1/x/y/z/none");
        tables.get(count)!.methodsFor("/v1/x/y/a1/end:none");
      }
    });
  });
}
