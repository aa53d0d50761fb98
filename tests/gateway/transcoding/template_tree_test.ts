import assert from "node:assert/strict";
import { TemplateTree } from "../../../src/gateway/transcoding/template_tree.ts";

/** Segments of a text with spaces between them. */
const split = (text: string) => text === "" ? [] : text.split(" ");

/** Tree of templates, each with its text as its value. */
function treeOf(templates: readonly string[]): TemplateTree<string> {
  const tree = new TemplateTree<string>();
  for (const text of templates) tree.add(split(text), () => text);
  return tree;
}

/** Values of all templates that match a path, in the order in which they are tried. */
function found(tree: TemplateTree<string>, path: string): string[] {
  const all: string[] = [];
  tree.find(split(path), 0, (value) => {
    all.push(value);
    return undefined;
  });
  return all;
}

Deno.test("a template that is there already keeps its value", () => {
  const tree = treeOf(["/v1 ** /a", "/v1 *", ""]);
  assert.equal(tree.add(["/v1", "**", "/a"], () => "another"), "/v1 ** /a");
  assert.equal(tree.add(["/v1", "*"], () => "another"), "/v1 *");
  assert.equal(tree.add([], () => "another"), "");
});

Deno.test("templates are tried from the most specific on", () => {
  const ordered = [
    "/v1 /a /b",
    "/v1 /a *",
    "/v1 /a **",
    "/v1 * /b",
    "/v1 * *",
    "/v1 ** /a /b",
    "/v1 ** /a *",
    "/v1 ** * /b",
    "/v1 ** /b",
    "/v1 **",
    "/v1 ** * *",
    "/v1 ** *",
    "** /b",
    "**",
  ];
  for (const order of [ordered, ordered.toReversed()]) {
    const tree = treeOf([...order, "/v1 ** /c", "/v1 ** * * *", "/v2 ** /b", "** /c /b"]);
    assert.deepEqual(found(tree, "v1 a b"), ordered);
    const taken: string[] = [];
    const first = tree.find(["v1", "a", "b"], 0, (value) => {
      taken.push(value);
      return taken.length === 6 ? value.length : undefined;
    });
    assert.equal(first, "/v1 ** /a /b".length);
    assert.deepEqual(taken, ordered.slice(0, 6));
  }
});

Deno.test("what follows ** is compared with the end of a path, behind what stands before it", () => {
  const tree = treeOf(["/v1 ** /a /b", "/v1 ** /b", "/v1 ** /bc", "/v1 ** *", "/v1 ** /v1"]);
  assert.deepEqual(found(tree, "v1 b"), ["/v1 ** /b", "/v1 ** *"]);
  assert.deepEqual(found(tree, "v1 x a b"), ["/v1 ** /a /b", "/v1 ** /b", "/v1 ** *"]);
  assert.deepEqual(found(tree, "v1"), []);
  assert.deepEqual(found(tree, "b"), []);
  assert.deepEqual(found(tree, "v1 x "), []);
});

Deno.test("wildcards after ** are hidden by its end alone", () => {
  const tree = treeOf([
    "/v1 **",
    "/v1 ** *",
    "/v1 ** * *",
    "/v1 ** /a *",
    "/v2 ** *",
    "* **",
    "* ** *",
  ]);
  const hidden: string[][] = [];
  tree.eachHidden((one, by) => hidden.push([one, by]));
  assert.deepEqual(hidden, [
    ["/v1 ** * *", "/v1 **"],
    ["/v1 ** *", "/v1 **"],
    ["* ** *", "* **"],
  ]);
});
