import assert from "node:assert/strict";
import {
  categoriesHtml,
  linked,
  type SearchNode,
  startPage,
  withPackageNames,
} from "../../scripts/api_docs/start_page.ts";

const node = (name: string, url: string, file = ".", category?: string): SearchNode => ({
  name,
  file,
  url,
  kind: [{ kind: "Function" }],
  ...(category === undefined ? {} : { category }),
});
const NODES = [
  node("serve", "./~/serve.html", ".", "Server"),
  node("Server.close", "./~/Server.close.html", ".", "Server"),
  node("serve", "./other/~/serve.html", "other", "Server"),
  node("dial", "./transport/~/dial.html", "transport"),
];
const page = (text: string) =>
  `<main><div id="module_doc"><div class="markdown">${text}</div></div></main>`;

Deno.test("names of symbols become links, links to pages of the docs become text", () => {
  const html =
    '<p>Call <code>serve</code> or <code>other</code>, see <a href="tls.md#x">TLS</a>.</p>';
  assert.equal(
    linked(page(html), NODES),
    '<p>Call <a href="./~/serve.html"><code>serve</code></a> or <code>other</code>, see TLS.</p>',
  );
  assert.throws(() => linked("<main></main>", NODES), /no text of a module/);
});

Deno.test("symbols are listed by category, without one by entry point, members not at all", () => {
  const html = categoriesHtml(NODES);
  assert.match(html, /<h3>Server<\/h3>\n<p><a href="\.\/~\/serve\.html">/);
  assert.match(html, /<h3>@vrpc\/vrpc\/transport<\/h3>\n<p><a [^>]*><code>dial<\/code><\/a><\/p>$/);
  assert.doesNotMatch(html, /Server\.close/);
});

Deno.test("the start page takes the place of the main module's text", () => {
  assert.equal(startPage(page("old"), "new $& $1"), page("new $& $1"));
  assert.throws(() => startPage("<main></main>", "new"), /no text of the main module/);
});

Deno.test("entry points are named as they are imported", () => {
  const usage = (name: string) => `import * as mod from &quot;${name}&quot;;`;
  const named = (name: string) =>
    withPackageNames(usage(name), [".", "./testing", "./services/echo"]);
  assert.equal(named("testing"), usage("@vrpc/vrpc/testing"));
  assert.equal(named("services/echo"), usage("@vrpc/vrpc/services/echo"));
  assert.equal(named("."), usage("@vrpc/vrpc"));
  assert.equal(named("node:path"), usage("node:path"));
});
