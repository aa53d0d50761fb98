import assert from "node:assert/strict";
import { join } from "node:path";
import { typesOfFiles } from "../../../../cmd/shared/proto_file.ts";
import { completeCommand } from "../../../../cmd/vrpc/repl/completion.ts";
import { completeJson } from "../../../../cmd/vrpc/repl/json_completion.ts";
import { fullName } from "../../../../cmd/vrpc/names.ts";

const PROTOS = join(import.meta.dirname!, "../protos");
const { registry, services } = await typesOfFiles({
  protos: [join(PROTOS, "shop.proto")],
  imports: [PROTOS],
  sets: [],
}).then((types) => ({ ...types, services: ["shop.v1.Orders"] }));
const order = registry.getMessage("shop.v1.Order")!;
const known = {
  methods: ["/shop.v1.Orders/Create", "/shop.v1.Orders/Watch", "/grpc.health.v1.Health/Watch"],
  registry,
  services,
  headers: ["authorization"],
};

Deno.test("fields and values of a message are completed at any depth", () => {
  const state = ["STATE_UNSPECIFIED", "STATE_OPEN", "STATE_NEW", "STATE_BAD"]
    .map((name) => `"${name}"`);
  const cases: [string, string[], string][] = [
    ["", ["{"], ""],
    ["{", ["name", "count", "prices", "items", "card", "token", "created", "STATE", "parent"], ""],
    ['{"c', ["count", "card", "created"], '"c'],
    ["{c", ["count", "card", "created"], "c"],
    ['{"name": "x", "c', ["count", "card", "created"], '"c'],
    ['{"count": 1, "card": "{[", "c', ["created"], '"c'],
    ['{"parent": {"na', ["name"], '"na'],
    ['{"parent": {"parent": {}}, "na', ["name"], '"na'],
    ['{"items": {"a": {"am', ["amount"], '"am'],
    ['{"name": "say \\"{', [], '"say \\"{'],
    ['{"unknown": {"a', [], '"a'],
    ['{"created": {', [], ""],
    ['{"name": "x"', [], ""],
    ['{"name": "x"} {"na', ["name"], '"na'],
  ];
  for (const [text, names, typed] of cases) {
    const words = names.map((name) => name === "{" ? name : `"${name}": `);
    assert.deepEqual(completeJson(order, text), { words, typed }, text);
  }
  const values: [string, string[], string][] = [
    ['{"STATE": ', state, ""],
    ['{"STATE": "STATE_O', ['"STATE_OPEN"'], '"STATE_O'],
    ['{"parent": ', ["{"], ""],
    ['{"prices": ', ["["], ""],
    ['{"prices": [', [], ""],
    ['{"items": ', ["{"], ""],
    ['{"items": {"a": ', ["{"], ""],
    ['{"items": {"a": {}, "b": ', ["{"], ""],
    ['{"name": ', [], ""],
    ['{"created": ', [], ""],
  ];
  for (const [text, words, typed] of values) {
    assert.deepEqual(completeJson(order, text), { words, typed }, text);
  }
});

Deno.test("commands, names and settings are completed", () => {
  const cases: [string, string[]][] = [
    ["he", ["health ", "help "]],
    ["call /shop.v1.Orders/C", ["/shop.v1.Orders/Create "]],
    ["call shop.v1.Orders/C", ["shop.v1.Orders/Create "]],
    ["call Cr", ["Create "]],
    ["call Orders/", ["Orders/Create ", "Orders/Watch "]],
    ['call Create {"na', ['"name": ']],
    ['call Watch {"na', []],
    ['call Orders.Watch {"na', ['"name": ']],
    ["describe shop.v1.Emp", ["shop.v1.Empty "]],
    ["template Emp", ["Empty "]],
    ["health sh", ["shop.v1.Orders"]],
    ["help li", ["list"]],
    ["set ti", ["timeout "]],
    ["set wire grpc", ["grpc", "grpc-web"]],
    ["set verbose ", ["on", "off"]],
    ["unset header ", ["authorization"]],
    ["nonsense a", []],
  ];
  for (const [line, words] of cases) {
    assert.deepEqual(completeCommand(line, known).words, words, line);
  }
});

Deno.test("names may be shortened to an end that is unique", () => {
  assert.equal(fullName("Create", known.methods), "/shop.v1.Orders/Create");
  assert.equal(fullName("shop.v1.Orders.Create", known.methods), "/shop.v1.Orders/Create");
  assert.equal(fullName("Orders/Watch", known.methods), "/shop.v1.Orders/Watch");
  assert.equal(fullName("reate", known.methods), undefined);
  assert.throws(
    () => fullName("Watch", known.methods),
    /^UsageError: Watch may be .*Orders\/Watch or .*Health\/Watch: use more of the name$/,
  );
});
