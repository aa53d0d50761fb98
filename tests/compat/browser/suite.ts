/**
 * The official clients of web pages in headless Chromium against a server, from another origin: `deno task test:browser`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { serve, type ServeOptions, type Server } from "../../../mod.ts";
import { selfSigned } from "../../../src/transport/certs.ts";
import { findChromium, Page } from "../../fixtures/browser.ts";
import { Processes } from "../../fixtures/processes.ts";
import { bundle } from "./bundle.ts";
import { INITIAL, TRAILING } from "./methods.ts";
import { BrowserHandlers, type EndedCall } from "./service.ts";

const ROOT = join(import.meta.dirname!, "../../..");
const chromium = await findChromium();
const why = chromium === undefined ? " (skipped: chromium is not installed)" : "";
if (why !== "") console.log(`Browser suite${why}`);

/** Serves a page with `script`, under two names and so with two origins. */
function servePage(script: string) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/page.js") {
      return new Response(script, { headers: { "content-type": "text/javascript" } });
    }
    const page = `<!doctype html><link rel="icon" href="data:,"><script src="/page.js"></script>`;
    return new Response(page, { headers: { "content-type": "text/html" } });
  });
  const { port } = server.addr;
  return {
    allowed: `http://127.0.0.1:${port}`,
    foreign: `http://localhost:${port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Serves {@link BrowserHandlers} to pages of one origin. */
function serveCalls(handlers: BrowserHandlers, origin: string, more: ServeOptions = {}) {
  return serve("127.0.0.1:0", (router) => handlers.add(router), {
    web: {
      cors: {
        origins: [origin],
        headers: [INITIAL, TRAILING],
        exposedHeaders: [INITIAL, TRAILING],
      },
    },
    ...more,
  });
}

const urlOf = (server: Server, scheme: string) => `${scheme}://${server.addresses[0]}`;

const run = (page: Page, ...args: string[]) =>
  page.evaluate(`run(${args.map((arg) => JSON.stringify(arg)).join(", ")})`);

/** Checks what the server saw of a call that the page or its deadline has ended. */
function checkEnd(name: string, { code, timeLeftMs }: EndedCall): void {
  if (name.includes("cancelled")) {
    assert.deepEqual({ code, timeLeftMs }, { code: "CANCELLED", timeLeftMs: Infinity });
  } else {
    // The clients cancel calls at their deadline, possibly before the server ends them.
    assert.match(code, /^(CANCELLED|DEADLINE_EXCEEDED)$/);
    assert.ok(timeLeftMs <= 200, `${timeLeftMs}`);
  }
}

interface Names {
  callers: string[];
  cases: string[];
  streams: string[];
  pages: string[];
}

Deno.test({
  name: `official clients in Chromium${why}`,
  ignore: chromium === undefined,
  async fn(t) {
    await using pages = servePage(await bundle(join(import.meta.dirname!, "page.ts")));
    await using page = await Page.open(chromium!, ["--ignore-certificate-errors"]);
    await page.goto(pages.allowed);
    const names = await page.evaluate("names") as Names;
    assert.equal(names.callers.length, 8);

    for (
      const { scheme, wire, options } of [
        { scheme: "http", wire: "http1", options: {} },
        { scheme: "https", wire: "grpc", options: { tls: await selfSigned() } },
      ] as const
    ) {
      const handlers = new BrowserHandlers();
      await using server = await serveCalls(handlers, pages.allowed, options);
      for (const caller of names.callers) {
        for (const name of names.cases) {
          await t.step(`${scheme}, ${caller}: ${name}`, async () => {
            assert.equal(await run(page, "cases", caller, name, urlOf(server, scheme)), "passed");
            if (/cancelled|deadline/.test(name)) checkEnd(name, await handlers.nextEnded());
          });
        }
      }
      for (const name of names.streams) {
        await t.step(`${scheme}, lean in a WebSocket: ${name}`, async () => {
          const caller = "lean in a WebSocket";
          assert.equal(await run(page, "streams", caller, name, urlOf(server, scheme)), "passed");
          if (/cancelled|deadline/.test(name)) checkEnd(name, await handlers.nextEnded());
        });
      }
      await t.step(`${scheme}: calls by GET`, async () => {
        const methods = await page.evaluate("httpMethods.splice(0)") as string[];
        assert.ok(methods.includes("GET"), String(methods));
      });
      await t.step(`${scheme}: the browser used ${wire === "grpc" ? "HTTP/2" : "HTTP/1.1"}`, () => {
        const { grpc, http1 } = server.stats().connections;
        // WebSockets begin with HTTP/1.1.
        assert.ok(wire === "grpc" ? grpc > 0 && http1 > 0 : http1 > 0 && grpc === 0);
      });
    }
  },
});

Deno.test({
  name: `pages of other origins in Chromium${why}`,
  ignore: chromium === undefined,
  async fn(t) {
    await using pages = servePage(await bundle(join(import.meta.dirname!, "page.ts")));
    await using page = await Page.open(chromium!);
    const handlers = new BrowserHandlers();
    await using server = await serveCalls(handlers, pages.allowed);
    await page.goto(pages.foreign);
    const names = await page.evaluate("names") as Names;
    for (const caller of names.callers) {
      for (const name of ["unary", "stream"]) {
        await t.step(`${caller}: ${name} is refused`, async () => {
          assert.equal(await run(page, "refused", caller, name, urlOf(server, "http")), "passed");
        });
      }
    }
    for (const name of names.pages) {
      await t.step(`${name} is refused`, async () => {
        assert.equal(await run(page, "page", "", name, urlOf(server, "http")), "passed");
      });
    }
    assert.equal(handlers.calls, 0);

    await page.goto(pages.allowed);
    await t.step("a request field that is not allowed is refused", async () => {
      const name = "request field that is not allowed";
      assert.equal(await run(page, "page", "", name, urlOf(server, "http")), "passed");
    });
    assert.equal(handlers.calls, 0);
  },
});

Deno.test({
  name: `cookies in Chromium${why}`,
  ignore: chromium === undefined,
  async fn() {
    await using pages = servePage("");
    await using page = await Page.open(chromium!);
    await page.goto(pages.allowed);
    for (const credentials of [false, true]) {
      await using server = await serveCalls(new BrowserHandlers(), pages.allowed, {
        web: { cors: { origins: [pages.allowed], credentials } },
      });
      const sent = await page.evaluate(
        `fetch("${urlOf(server, "http")}", { credentials: "include" })
        .then(() => true, () => false)`,
      );
      assert.equal(sent, credentials);
    }
  },
});

Deno.test({
  name: `the example's page in Chromium${why}`,
  ignore: chromium === undefined,
  async fn(t) {
    await using processes = new Processes();
    const server = processes.start([
      ...[Deno.execPath(), "run", "--quiet", "-A", join(ROOT, "examples/browser/server.ts")],
      ...["0", "0"],
    ]);
    const [, url] = await server.line(/^open (\S+)$/);
    await using page = await Page.open(chromium!);
    await page.look(390, 1_100, false);
    await page.goto(url);
    const text = (id: string) => `document.getElementById("${id}").textContent`;
    const press = (form: string) =>
      page.evaluate(`document.querySelector("#${form} button").click()`);
    const enter = (field: string, value: string) =>
      page.evaluate(`document.getElementById("${field}").value = ${JSON.stringify(value)}`);

    for (const protocol of ["connect", "grpcWeb", "webSocket"]) {
      await t.step(protocol, async () => {
        await page.evaluate(`document.querySelector("input[value=${protocol}]").click()`);
        await enter("name", "Grace");
        await press("greet");
        await page.until(`${text("greeting")}.startsWith("Hello, Grace! in ")`);
        await enter("name", " ");
        await press("greet");
        await page.until(`${text("greeting")} === "Please enter a name (invalid_argument)"`);
        assert.equal(
          await page.evaluate(`document.getElementById("name").getAttribute("aria-invalid")`),
          "true",
        );
        await enter("from", "1");
        await press("count");
        await page.until(`${text("steps")} === "1lift-off" && ${text("start")} === "Start"`);
        await enter("from", "9");
        await press("count");
        await page.until(`${text("steps")} === "9"`);
        await press("count");
        await page.until(`${text("steps")} === "9stopped"`);
        await enter("from", "11");
        await press("count");
        await page.until(`${text("steps")}.includes("1 to 10 (invalid_argument)")`);
      });
    }
    await t.step("chat", async () => {
      for (const line of ["one", "two"]) {
        await enter("text", line);
        await press("chat");
      }
      await page.until(`${text("heard")} === "you oneyou two"`);
    });
    assert.equal(
      await page.evaluate(`document.documentElement.scrollWidth > innerWidth`),
      false,
      "the page fits a phone",
    );
    // Browsers report the statuses of failed calls in the console.
    assert.deepEqual(page.complaints.filter((line) => !line.includes("status of 400")), []);
  },
});
