import assert from "node:assert/strict";
import { RpcError, Status } from "../../mod.ts";
import { AccountService } from "../../proto/gen/examples/accounts_pb.ts";
import type { Interceptor } from "../../src/rpc/core/types.ts";
import { testServer, type TestServerOptions } from "../../src/testing/mod.ts";
import { fieldViolations } from "../../src/validation/field_violations.ts";
import { validate } from "../../src/validation/validate.ts";

/** The status, message and fields of a call that must fail. */
async function failure(call: Promise<unknown>) {
  const error = await call.then(() => assert.fail("the call succeeded"), (error) => error);
  assert.ok(error instanceof RpcError, String(error));
  const fields = fieldViolations(error).map(({ field, rule }) => `${field} ${rule}`);
  return { code: error.code, message: error.message, fields };
}

/** A server of accounts; counts the requests that its handlers get. */
async function accounts(
  { use = [], number = "A-1", ...options }: TestServerOptions & {
    use?: Interceptor[];
    number?: string;
  },
) {
  const handled = { open: 0, book: 0 };
  const serve = { web: true, ...options.serve };
  const test = await testServer((router) => {
    router.use(...use).service(AccountService, {
      open: () => (handled.open++, { number }),
      async *book(requests) {
        for await (const { cents } of requests) {
          handled.book++;
          yield { balanceCents: BigInt(-cents) };
        }
      },
    });
  }, { ...options, serve });
  const client = test.client(AccountService);
  return { handled, client, [Symbol.asyncDispose]: () => test[Symbol.asyncDispose]() };
}

const VALID = { email: "ada@example.com", name: "Ada", users: [] };
const INVALID = { email: "ada", name: "", users: [{ email: "bob@example.com", limitCents: 0 }] };
const INVALID_FIELDS = [
  "email string.email",
  "name string.min_len",
  "users[0].limit_cents uint32.gt",
];

for (const side of ["server", "client"] as const) {
  const options = side === "server"
    ? { use: [validate()] }
    : { connect: { interceptors: [validate()] } };

  for (const wire of ["grpc", "lean", "connect"] as const) {
    Deno.test(`${side}, ${wire}: a request that violates rules fails with all of its fields`, async () => {
      const connect = { ...options.connect, wire };
      await using test = await accounts({ ...options, connect });
      assert.equal((await test.client.open(VALID)).number, "A-1");
      assert.deepEqual(await failure(test.client.open(INVALID)), {
        code: Status.INVALID_ARGUMENT,
        message: "The request is not valid: email: must be a valid email address (and 2 more)",
        fields: INVALID_FIELDS,
      });
      assert.equal(test.handled.open, 1);
    });
  }

  Deno.test(`${side}: a stream ends at the request that violates a rule`, async () => {
    await using test = await accounts(options);
    const replies: bigint[] = [];
    const requests = [{ from: "A-1", to: "A-2", cents: 5 }, { from: "A-1", to: "A-1", cents: 5 }];
    const reading = (async () => {
      for await (const { balanceCents } of test.client.book(requests)) replies.push(balanceCents);
    })();
    assert.deepEqual(await failure(reading), {
      code: Status.INVALID_ARGUMENT,
      message: "The request is not valid: the accounts must be different",
      fields: [" book.accounts"],
    });
    assert.equal(test.handled.book <= 1, true);
    if (side === "server") assert.deepEqual(replies, [-5n]);
  });

  Deno.test(`${side}: replies are checked when asked for`, async () => {
    const both = [validate({ replies: true })];
    const strict = side === "server" ? { use: both } : { connect: { interceptors: both } };
    {
      await using test = await accounts({ ...options, number: "7" });
      assert.equal((await test.client.open(VALID)).number, "7");
    }
    await using test = await accounts({ ...strict, number: "7" });
    const { code, fields } = await failure(test.client.open(VALID));
    assert.equal(code, Status.INTERNAL);
    assert.deepEqual(fields, ["number string.pattern"]);
  });
}

Deno.test("messages in JSON are checked", async () => {
  await using test = await accounts({ use: [validate()], connect: { codec: "json" } });
  assert.deepEqual((await failure(test.client.open(INVALID))).fields, INVALID_FIELDS);
});

Deno.test("a handler that stops reading ends its requests, checked or not", async () => {
  const ended = Promise.withResolvers<void>();
  async function* endless() {
    try {
      for (;;) yield { from: "A-1", to: "A-2", cents: 1 };
    } finally {
      ended.resolve();
    }
  }
  await using test = await accounts({ connect: { interceptors: [validate()] } });
  for await (const _reply of test.client.book(endless())) break;
  await ended.promise;
});

Deno.test("methods without protobuf messages pass", async () => {
  await using test = await testServer((router) => {
    router.use(validate({ replies: true })).method("/bytes", {}, (request) => request);
  });
  assert.deepEqual(await test.channel.call("/bytes", new Uint8Array([1])), new Uint8Array([1]));
});
