import assert from "node:assert/strict";
import { type Api, method, withApi } from "./annotated.ts";

const METHODS = [
  method("Query", ".t.All", ".t.All", { get: "/v1/query" }),
  method("Get", ".t.All", ".t.All", {
    get: "/v1/{text=shelves/*}/{number}",
    additional_bindings: [
      { get: "/v1/kinds/{kind}/{flag}" },
      { get: "/v1/books/{book.name=**}" },
      { get: "/v1/times/{time}/{wrapped}" },
    ],
  }),
  method("Create", ".t.All", ".t.All", { post: "/v1/all/{text}", body: "*" }),
  method("Update", ".t.All", ".t.All", { patch: "/v1/{book.name=books/*}", body: "book" }),
  method("List", ".t.All", ".t.All", {
    put: "/v1/numbers",
    body: "numbers",
    additional_bindings: [
      { put: "/v1/big", body: "big" },
      { put: "/v1/text", body: "text" },
      { put: "/v1/labels", body: "labels" },
      { put: "/v1/struct", body: "struct" },
      { put: "/v1/wrapped", body: "wrapped" },
    ],
  }),
  method("Cancel", ".t.All", ".t.All", { post: "/v1/{text}:cancel" }),
];

const JSON_TYPE = { "content-type": "application/json" };

async function got(api: Api, target: string, init?: RequestInit): Promise<unknown> {
  const response = await api.fetch(target, init);
  const text = await response.text();
  assert.equal(response.status, 200, `${target}: ${text}`);
  // The service sends back what it received.
  assert.deepEqual(JSON.parse(text), api.last!.request);
  return api.last!.request;
}

async function refused(api: Api, target: string, text: RegExp, init?: RequestInit): Promise<void> {
  const response = await api.fetch(target, init);
  const body = await response.json();
  assert.equal(response.status, 400, target);
  assert.equal(body.code, "INVALID_ARGUMENT");
  assert.match(body.message, text, target);
}

Deno.test("parameters of a query are fields: by both names, nested, repeated, of every kind", async () => {
  await withApi(METHODS, async (api) => {
    for (
      const [query, expected] of [
        ["", {}],
        ["flag=TRUE", { flag: true }],
        ["flag=1", { flag: true }],
        ["flag=0", {}],
        ["text=a+b%26&number=-7&flag=true", { text: "a b&", number: -7, flag: true }],
        ["big=9223372036854775807", { big: "9223372036854775807" }],
        ["ratio=1.5e3&small=.5", { ratio: 1500, small: 0.5 }],
        ["ratio=-Infinity&small=NaN", { ratio: "-Infinity", small: "NaN" }],
        ["raw=-_8", { raw: "+/8=" }],
        ["raw=%2B/8%3D", { raw: "+/8=" }],
        ["kind=NOVEL&kinds=1&kinds=KIND_NONE&kinds=7", {
          kind: "NOVEL",
          kinds: ["NOVEL", "KIND_NONE", 7],
        }],
        ["numbers=1&text=x&numbers=2", { numbers: [1, 2], text: "x" }],
        ["time=2020-01-02T03:04:05.5Z&span=1.5s", {
          time: "2020-01-02T03:04:05.500Z",
          span: "1.500s",
        }],
        ["times=1970-01-01T00:00:00Z&times=1970-01-01T01:00:00%2B01:00", {
          times: ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"],
        }],
        ["mask=display_name,book.pageCount", { mask: "displayName,book.pageCount" }],
        ["wrapped=-3&wrapped_text=", { wrapped: "-3", wrappedText: "" }],
        ["book.page_count=3&book.pageCount=3".slice(0, 17), { book: { pageCount: "3" } }],
        ["book.author.name=A&book.tags=x&book.tags=y&book.author.born=1", {
          book: { author: { name: "A", born: 1 }, tags: ["x", "y"] },
        }],
        ["self.self.self.text=deep", { self: { self: { self: { text: "deep" } } } }],
        ["wrappedText=a&left=", { wrappedText: "a", left: "" }],
      ] as const
    ) assert.deepEqual(await got(api, `/v1/query?${query}`), expected, query);
  });
});

Deno.test("parameters that are no values of the request are answered 400 with the reason", async () => {
  await withApi(METHODS, async (api) => {
    for (
      const [query, text] of [
        ["nope=1", /"nope": t\.All has no field "nope"/],
        ["book.nope=1", /t\.Book has no field "nope"/],
        ["text.x=1", /t\.All\.text is not a single message/],
        ["books.name=1", /t\.All\.books is not a single message/],
        ["book=1", /"book": name a field of this message/],
        ["labels=1", /"labels": not a value/],
        ["struct=1", /"struct": name a field/],
        ["number=1.5", /"1\.5" is not a valid int32/],
        ["number=2147483648", /not a valid int32/],
        ["number=", /"" is not a valid int32/],
        ["number=1&number=2", /it has 2 values, and is not repeated/],
        ["big=9223372036854775808", /not a valid int64/],
        ["big=0x10", /not a valid int64/],
        ["flag=yes", /not a valid bool/],
        ["flag=tRUE", /not a valid bool/],
        ["ratio=1e999", /not a valid double/],
        ["small=1e39", /not a valid float/],
        ["ratio=%20", /not a valid double/],
        ["kind=POEM", /not a valid t\.Kind/],
        ["kind=novel", /not a valid t\.Kind/],
        ["raw=***", /not a valid base64/],
        ["time=yesterday", /not a valid google\.protobuf\.Timestamp/],
        ["span=1m", /not a valid google\.protobuf\.Duration/],
        ["mask=a%20b", /not a valid google\.protobuf\.FieldMask/],
        ["wrapped=x", /not a valid int64/],
        ["left=1&right=2", /left of the same oneof side is set too/],
        ["text=%zz", /query is not valid percent-encoded/],
        [`${"self.".repeat(32)}text=1`, /more than 32 names/],
        ["__proto__=1", /has no field "__proto__"/],
      ] as const
    ) await refused(api, `/v1/query?${query}`, text);
    assert.equal(api.last, undefined);
  });
});

Deno.test("parameters are limited, and those that are named are skipped", async () => {
  await withApi(
    METHODS,
    async (api) => {
      assert.deepEqual(await got(api, "/v1/query?numbers=1&numbers=2&key=x"), { numbers: [1, 2] });
      await refused(api, "/v1/query?numbers=1&numbers=2&numbers=3&key=x", /limit is 3/);
    },
    {},
    { maxQueryParameters: 3, ignoredQueryParameters: ["key"] },
  );
});

Deno.test("variables of the path are fields", async () => {
  await withApi(METHODS, async (api) => {
    assert.deepEqual(await got(api, "/v1/shelves/a%2Fb/7?flag=true"), {
      text: "shelves/a%2Fb",
      number: 7,
      flag: true,
    });
    assert.deepEqual(await got(api, "/v1/kinds/NOVEL/true"), { kind: "NOVEL", flag: true });
    assert.deepEqual(await got(api, "/v1/books/a/b%20c?book.tags=x"), {
      book: { name: "a/b c", tags: ["x"] },
    });
    assert.deepEqual(await got(api, "/v1/times/1970-01-01T00:00:01Z/5"), {
      time: "1970-01-01T00:00:01Z",
      wrapped: "5",
    });
    await refused(api, "/v1/shelves/a/b", /the path's number: "b" is not a valid int32/);
    await refused(api, "/v1/shelves/a/1?text=b", /"text": the path has this field/);
    await refused(api, "/v1/books/a?book.name=b", /the path has this field/);
    await refused(api, "/v1/%zz", /path is not valid percent-encoded/);
    await refused(api, "/v1/query/%ff", /path is not valid percent-encoded/);
  });
});

Deno.test("a body * is the request; the path replaces what it says", async () => {
  await withApi(METHODS, async (api) => {
    const post = (body: string, headers = JSON_TYPE) => ({ method: "POST", headers, body });
    assert.deepEqual(await got(api, "/v1/all/a", post('{"text":"b","number":1}')), {
      text: "a",
      number: 1,
    });
    assert.deepEqual(await got(api, "/v1/all/a", { method: "POST" }), { text: "a" });
    await refused(
      api,
      "/v1/all/a?number=1",
      /all fields outside the path are in the body/,
      post("{}"),
    );
    await refused(api, "/v1/all/a", /The body is not valid JSON/, post("{"));
    const text = await api.fetch("/v1/all/a", post("{}", { "content-type": "text/plain" }));
    assert.equal(text.status, 415);
    await text.body?.cancel();
  });
});

Deno.test("a body that is one field leaves the others to the query", async () => {
  await withApi(METHODS, async (api) => {
    const patch = (body: string) => ({ method: "PATCH", headers: JSON_TYPE, body });
    assert.deepEqual(
      await got(api, "/v1/books/1?mask=book.tags", patch('{"name":"x","tags":["a"]}')),
      { book: { name: "books/1", tags: ["a"] }, mask: "book.tags" },
    );
    await refused(api, "/v1/books/1?book.tags=a", /the body has this field/, patch("{}"));
    await refused(api, "/v1/books/1", /not a valid t\.Book message/, patch('{"text":"x"}'));
    const put = (body: string) => ({ method: "PUT", headers: JSON_TYPE, body });
    for (
      const [field, body, expected] of [
        ["numbers", "[1,2]", { numbers: [1, 2] }],
        ["big", '"9007199254740993"', { big: "9007199254740993" }],
        ["big", " 9007199254740993 ", { big: "9007199254740993" }],
        ["text", '"a\\u0022b"', { text: 'a"b' }],
        ["labels", '{"a":1}', { labels: { a: "1" } }],
        ["struct", '{"a":[null]}', { struct: { a: [null] } }],
        ["wrapped", "5", { wrapped: "5" }],
        ["wrapped", "null", {}],
        ["text", "", {}],
      ] as const
    ) assert.deepEqual(await got(api, `/v1/${field}`, put(body)), expected, `${field} ${body}`);
    // A body must not reach fields of the message around it.
    for (const body of ['"a","number":1', '"a"}', '"a"},{"number":1', "1,2", "{", "nul"]) {
      await refused(api, "/v1/text", /not valid JSON/, put(body));
    }
  });
});

Deno.test("without a body in the rule, the fields are in path and query", async () => {
  await withApi(METHODS, async (api) => {
    assert.deepEqual(await got(api, "/v1/x:cancel?number=1", { method: "POST" }), {
      text: "x",
      number: 1,
    });
  });
});

Deno.test("the elements of a body that is one field are limited as those of any", async () => {
  await withApi(
    METHODS,
    async (api) => {
      const put = (body: string) => ({ method: "PUT", headers: JSON_TYPE, body });
      await got(api, "/v1/struct", put('{"a":1,"b":2}'));
      const large = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, i]));
      const response = await api.fetch("/v1/struct", put(JSON.stringify(large)));
      assert.equal(response.status, 413);
      await response.body?.cancel();
    },
    {},
    { maxJsonElements: 20 },
  );
});

Deno.test("paths that are unknown or have other methods are answered 404 and 405", async () => {
  await withApi(METHODS, async (api) => {
    for (
      const [target, httpMethod, status, allow] of [
        ["/v1/nothing", "GET", 404, null],
        ["/v1/query", "POST", 405, "GET"],
        ["/v1/books/1", "DELETE", 405, "GET, PATCH"],
        ["/t.Api/Query", "GET", 405, "POST"],
        // Paths of more than 8,192 characters are not looked up.
        [`/v1/books/${"a".repeat(8_182)}`, "GET", 200, null],
        [`/v1/books/${"a".repeat(8_183)}`, "GET", 404, null],
        [`/v1/books/${"a".repeat(8_183)}`, "DELETE", 404, null],
      ] as const
    ) {
      const response = await api.fetch(target, { method: httpMethod });
      assert.equal(response.status, status, target);
      assert.equal(response.headers.get("allow"), allow, target);
      await response.body?.cancel();
    }
    const head = await api.fetch("/v1/query?number=1", { method: "HEAD" });
    assert.equal(head.status, 200);
    await head.body?.cancel();
  });
});
