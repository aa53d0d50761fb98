import assert from "node:assert/strict";
import { method, withApi } from "./annotated.ts";

const FIELDS = [
  ...["text", "big", "ratio", "flag", "raw", "kind", "numbers", "time", "wrapped", "book"],
  ...["books", "struct", "labels", "mask"],
];
const METHODS = FIELDS.map((name) =>
  method(`Get${name}`, ".t.All", ".t.All", { get: `/v1/${name}`, response_body: name })
);

const FULL = {
  text: 'a"b',
  big: "9007199254740993",
  ratio: 1.5,
  flag: true,
  raw: "+/8=",
  kind: "NOVEL",
  numbers: [1, 2],
  time: "1970-01-01T00:00:01Z",
  wrapped: "0",
  book: { name: "x" },
  books: [{}],
  struct: { a: 1 },
  labels: { a: "1" },
  mask: "a.b",
};

Deno.test("response_body: the response is the JSON of one field", async () => {
  const replies = Object.fromEntries(FIELDS.map((name) => [`Get${name}`, [FULL]]));
  await withApi(METHODS, async ({ fetch }) => {
    for (const name of FIELDS) {
      const response = await fetch(`/v1/${name}`);
      assert.equal(response.headers.get("content-type"), "application/json");
      assert.deepEqual(await response.json(), FULL[name as keyof typeof FULL], name);
    }
  }, replies);
});

Deno.test("response_body of a field that is not set is its default, or null for a message", async () => {
  const replies = Object.fromEntries(FIELDS.map((name) => [`Get${name}`, [{}]]));
  const defaults: Record<string, unknown> = {
    text: "",
    big: "0",
    ratio: 0,
    flag: false,
    raw: "",
    kind: "KIND_NONE",
    numbers: [],
    books: [],
    labels: {},
  };
  await withApi(METHODS, async ({ fetch }) => {
    for (const name of FIELDS) {
      assert.deepEqual(await (await fetch(`/v1/${name}`)).json(), defaults[name] ?? null, name);
    }
  }, replies);
});
