import assert from "node:assert/strict";
import { join } from "node:path";
import { fromJson, toBinary } from "@bufbuild/protobuf";
import { connect, serve } from "../../mod.ts";
import { Gateway, serveHttp, STATUS_PAGE, STATUS_PAGE_FIELDS } from "../../src/gateway/mod.ts";
import { typesOf } from "../../src/schema/types.ts";
import { findChromium, Page } from "../fixtures/browser.ts";
import { memoryAddress } from "../fixtures/names.ts";
import { commented } from "../schema/commented.ts";
import { apiFile, HTTP_BODY, method } from "./transcoding/annotated.ts";

Deno.test("the page's policy names the hashes of its script and style, and nothing else", async () => {
  const policy = STATUS_PAGE_FIELDS["content-security-policy"];
  assert.match(policy, /^default-src 'none';/);
  assert.doesNotMatch(policy, /unsafe|\*/);
  for (const [tag, directive] of [["script", "script-src"], ["style", "style-src"]]) {
    const [, text] = new RegExp(`<${tag}>([^]*)</${tag}>`).exec(STATUS_PAGE)!;
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    assert.ok(policy.includes(`${directive} 'sha256-${new Uint8Array(hash).toBase64()}'`));
    assert.equal(STATUS_PAGE.split(`<${tag}`).length, 2);
  }
  // Texts of the service never become markup.
  assert.doesNotMatch(STATUS_PAGE, /innerHTML|insertAdjacentHTML|document\.write|outerHTML|eval\(/);
  assert.doesNotMatch(STATUS_PAGE, / on\w+="/);
});

const EVIL = '</script><img src=x onerror="document.title=1">\u202e';
const METHODS = [
  method("Create", ".t.All", ".t.All", { post: "/v1/books/{text}", body: "*" }),
  method("Watch", ".t.All", ".t.Book", { get: "/v1/books:watch" }, { serverStreaming: true }),
];

/** Serves the page in front of a service whose comments are hostile; `who` is what Authorization was. */
async function withPage(
  use: (url: string, release: () => void, who: () => unknown) => Promise<void>,
) {
  const file = commented(apiFile(METHODS), [
    [[4, 1, 2, 0], `Text of the book. ${EVIL}`],
    [[4, 1, 2, 9], " When it was published.\n"],
    [[5, 0], " What kind of book it is.\n"],
    [[6, 0, 2, 0], ` Creates a book in the shop.\n ${EVIL}\n`],
  ]);
  const { registry } = typesOf([HTTP_BODY, file]);
  const service = registry.getService("t.Api")!;
  const address = memoryAddress();
  const { promise, resolve } = Promise.withResolvers<void>();
  let who: unknown;
  const book = (name: string) => {
    const type = registry.getMessage("t.Book")!;
    return toBinary(type, fromJson(type, { name }));
  };
  await using _server = await serve(address, (router) => {
    router.method("/t.Api/Create", {}, (request, { metadata }) => {
      who = metadata.get("authorization");
      return request;
    });
    router.method("/t.Api/Watch", { kind: "server_streaming" }, async function* () {
      yield book("first");
      await promise;
      yield book("second");
    });
  });
  await using channel = connect(address);
  const gateway = new Gateway(channel, { services: [service] });
  await using http = await serveHttp("127.0.0.1:0", async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/") return new Response(STATUS_PAGE, { headers: STATUS_PAGE_FIELDS });
    if (pathname === "/methods.json") return Response.json(await gateway.list());
    if (pathname === "/openapi.json") return Response.json(await gateway.openApi());
    if (pathname === "/healthz") {
      return Response.json({ enclave: { address: "vsock:16:5000", state: "READY" } });
    }
    return await gateway.answer(request, pathname);
  });
  await use(`http://${http.address}`, resolve, () => who);
}

const chromium = await findChromium();
const why = chromium === undefined ? " (skipped: chromium is not installed)" : "";
const text = (id: string) => `document.getElementById('${id}').textContent`;
const choose = (name: string) =>
  `[...document.querySelectorAll('#methods button')].find((b) => b.textContent.startsWith('${name}')).click()`;

Deno.test({
  name:
    `the page lists fields, adds valid values, sends a token and shows streams as they come${why}`,
  ignore: chromium === undefined,
  async fn() {
    await withPage(async (url, release, who) => {
      await using page = await Page.open(chromium!);
      await page.look(420, 900, true);
      await page.goto(url);
      await page.until("document.querySelectorAll('#request .field').length > 20");
      await page.evaluate(choose("Create"));
      assert.match(String(await page.evaluate(text("rules"))), /POST \/v1\/books\/\{text\}/);
      const fields = String(await page.evaluate(text("request")));
      assert.match(fields, /bigint64/);
      assert.match(fields, /rawbase64/);
      assert.match(fields, /timedate-time/);
      assert.match(fields, /bookst\.Book\[\]/);
      assert.match(fields, /One of KIND_NONE, NOVEL/);
      assert.match(fields, /Not together with right/);
      // One of every field, which the service must take.
      await page.evaluate(
        `for (const b of document.querySelectorAll('#request > .fields > .field > .add')) {
          if (!b.getAttribute('aria-label').includes(' right ')) b.click();
        }`,
      );
      await page.evaluate("document.getElementById('token').value = 'secret'");
      await page.evaluate("document.getElementById('send').click()");
      await page.until(`${text("took")}.includes(' ms)')`);
      assert.match(
        String(await page.evaluate(text("took"))),
        /^\(200,/,
        String(await page.evaluate(text("reply"))),
      );
      assert.equal(who(), "Bearer secret");
      assert.match(String(await page.evaluate(text("reply"))), /"wrapped": "1"/);
      await page.evaluate(choose("Watch"));
      await page.evaluate("document.getElementById('send').click()");
      await page.until(`${text("reply")}.includes('first')`);
      assert.doesNotMatch(String(await page.evaluate(text("reply"))), /second/);
      release();
      await page.until(`${text("reply")}.includes('second')`);
      assert.deepEqual(page.complaints, []);
    });
  },
});

Deno.test({
  name: `texts of the service are shown as text, on a phone and wide, light and dark${why}`,
  ignore: chromium === undefined,
  async fn() {
    await withPage(async (url) => {
      await using page = await Page.open(chromium!);
      for (
        const [width, dark] of [[1280, false], [1280, true], [390, false], [390, true]] as const
      ) {
        await page.look(width, 1400, dark);
        await page.goto(url);
        await page.until("document.querySelectorAll('#request .field').length > 20");
        await page.evaluate(
          "document.querySelectorAll('summary').forEach((one, i) => i < 2 && one.click())",
        );
        await page.until("document.querySelectorAll('.fields .fields .field').length > 0");
        const comment = String(await page.evaluate(text("comment")));
        assert.match(comment, /<\/script><img src=x/);
        assert.doesNotMatch(comment, /\u202e/);
        assert.equal(await page.evaluate("document.images.length"), 0);
        assert.equal(await page.evaluate("document.title"), "vrpc host");
        assert.equal(
          await page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth",
          ),
          0,
          `something sticks out at ${width}`,
        );
        const folder = Deno.env.get("VRPC_SCREENSHOTS");
        if (folder !== undefined) {
          const name = `status-page-${width}-${dark ? "dark" : "light"}.png`;
          await Deno.writeFile(join(folder, name), await page.screenshot());
        }
      }
      assert.deepEqual(page.complaints, []);
    });
  },
});
