/**
 * The start page of the API's documentation: its text with links to symbols, and the symbols by category.
 *
 * @module
 */

/** Symbol of the search index that deno doc writes. */
export interface SearchNode {
  readonly name: string;
  /** Entry point, `.` for the main one. */
  readonly file: string;
  /** Path of its page. */
  readonly url: string;
  readonly category?: string;
  readonly kind: readonly { readonly kind: string }[];
}

/** Begin and end of the text of a module in a page of deno doc. */
const TEXT = /<div class="markdown">([\s\S]*?)<\/div><\/div>/;

const escaped = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

/** Whether a symbol has a page of its own, unlike a member. */
const isTop = ({ name }: SearchNode) => /^\w+$/.test(name);

/**
 * Returns the text of a module's page with links: code that is the name of a symbol leads to its page, a link to another
 * page of the documentation becomes text. Throws an Error for a page without a text.
 */
export function linked(page: string, nodes: readonly SearchNode[]): string {
  const text = TEXT.exec(page)?.[1];
  if (text === undefined) throw new Error("The page has no text of a module");
  const urls = new Map<string, string>();
  for (const node of nodes) {
    // Of several symbols with a name, that of the main entry point, which is the first.
    if (isTop(node) && !urls.has(node.name)) urls.set(node.name, node.url);
  }
  return text
    .replace(/<a href="[\w-]+\.md(?:#[\w-]+)?"[^>]*>([\s\S]*?)<\/a>/g, "$1")
    .replace(/<code>(\w+)<\/code>/g, (code, name) => {
      const url = urls.get(name);
      return url === undefined ? code : `<a href="${escaped(url)}">${code}</a>`;
    });
}

/** Returns a list of the symbols of each category, those without one by their entry point. */
export function categoriesHtml(nodes: readonly SearchNode[]): string {
  const groups = new Map<string, SearchNode[]>();
  for (const node of nodes.filter(isTop)) {
    const group = node.category ?? `@vrpc/vrpc/${node.file}`;
    groups.set(group, [...groups.get(group) ?? [], node]);
  }
  const html = ["<h2>All names by category</h2>"];
  for (const [group, members] of groups) {
    const links = members.map(({ name, url }) =>
      `<a href="${escaped(url)}"><code>${escaped(name)}</code></a>`
    );
    html.push(`<h3>${escaped(group)}</h3>`, `<p>${links.join(", ")}</p>`);
  }
  return html.join("\n");
}

/**
 * Writes entry points as they are imported: deno doc takes their names of deno.json, such as `testing` and `.`, for those of
 * packages.
 */
export function withPackageNames(page: string, entries: readonly string[]): string {
  return page.replace(/(from &quot;)([^&]*)(&quot;;)/g, (text, before, name, after) => {
    if (name === "." || name === "") return `${before}@vrpc/vrpc${after}`;
    return entries.includes(`./${name}`) ? `${before}@vrpc/vrpc/${name}${after}` : text;
  });
}

/** Puts a text in the place of that of the main module. Throws an Error for a page without one. */
export function startPage(index: string, text: string): string {
  if (!TEXT.test(index)) throw new Error("The index has no text of the main module");
  return index.replace(TEXT, () => `<div class="markdown">${text}</div></div>`);
}
