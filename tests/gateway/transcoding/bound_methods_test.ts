import assert from "node:assert/strict";
import { apiFile, HTTP_BODY, method, type Rule, withApi } from "./annotated.ts";
import { typesOf } from "../../../src/schema/types.ts";
import { bindMethods } from "../../../src/gateway/transcoding/bound_methods.ts";

/** Returns the faults of rules of methods A, B and so on. */
function faultsOf(rules: readonly Rule[], maxRules = 100): (string | undefined)[] {
  const methods = rules.map((rule, i) =>
    method(String.fromCharCode(65 + i), ".t.All", ".t.Upload", rule)
  );
  const { registry } = typesOf([HTTP_BODY, apiFile(methods)]);
  const bound = bindMethods(
    registry.getService("t.Api")!.methods.map((desc) => ({
      path: `/t.Api/${desc.name}`,
      desc,
      registry,
    })),
    maxRules,
  );
  return [...bound.summaries.values()].flat().map(({ fault }) => fault);
}

Deno.test("rules that can't be used have their reason, and leave the others", () => {
  const cases: [Rule, RegExp | undefined][] = [
    [{ get: "/v1/a" }, undefined],
    [{}, /has no path/],
    [{ custom: { kind: "A B", path: "/v1/b" } }, /no valid HTTP method/],
    [{ get: "v1" }, /path template "v1" is invalid/],
    [{ get: "/v1/{nope}" }, /t\.All has no field "nope"/],
    [{ get: "/v1/{numbers}" }, /variable numbers of the path is not a single value/],
    [{ get: "/v1/{book}" }, /not a single value/],
    [{ get: "/v1/{labels}" }, /not a single value/],
    [{ get: "/v1/{books.name}" }, /t\.All\.books is not a single message/],
    [{ get: "/v1/{text}/{text=x}" }, /the path sets text twice/],
    [{ post: "/v1/c", body: "nope" }, /no field for the body/],
    [{ post: "/v1/c", body: "book.name" }, /no field for the body/],
    [{ get: "/v1/d", response_body: "nope" }, /t\.Upload has no field for the response_body/],
    [{ get: "/v1/{text=x}" }, undefined],
    [{ get: "/v1/x" }, /^\/t\.Api\/N has the same requests$/],
    [{ post: "/v1/x" }, undefined],
    [{ get: "/v2/{text=**}/{kind}" }, /^all its requests go to \/v2\/{text=\*\*} of \/t\.Api\/R$/],
    [{ get: "/v2/{text=**}" }, undefined],
    [{ get: "/v2/{text=**}/{left=**}" }, /has \*\* twice/],
  ];
  const faults = faultsOf(cases.map(([rule]) => rule));
  assert.equal(faults.length, cases.length);
  cases.forEach(([rule, expected], i) => {
    if (expected === undefined) assert.equal(faults[i], undefined, JSON.stringify(rule));
    else assert.match(faults[i]!, expected, JSON.stringify(rule));
  });
});

Deno.test("rules beyond the limit are not served", () => {
  const rules = [{ get: "/v1/a" }, { get: "/v1/b" }, { get: "/v1/c" }];
  assert.deepEqual(faultsOf(rules, 2), [undefined, undefined, "there are more than 2 rules"]);
});

Deno.test("the list of methods has the rules, and labels are templates", async () => {
  const methods = [
    method("Get", ".t.All", ".t.All", {
      get: "/v1/{text=a/*}",
      additional_bindings: [{ put: "x" }],
    }),
  ];
  await withApi(methods, async ({ gateway, fetch }) => {
    const [{ http }] = await gateway.list();
    assert.equal(http!.length, 2);
    assert.deepEqual(http![0], { method: "GET", path: "/v1/{text=a/*}", body: "" });
    assert.match(http![1].fault!, /path template "x" is invalid at character 0/);
    assert.equal(gateway.labelOf("GET", "/v1/a/b"), "/v1/{text=a/*}");
    assert.equal(gateway.labelOf("GET", "/v1/%zz"), undefined);
    assert.equal(gateway.labelOf("GET", "/v1/b"), undefined);
    assert.equal(gateway.labelOf("POST", "/t.Api/Get"), "/t.Api/Get");
    assert.equal((await fetch("/v1/a/b")).status, 200);
  });
});
