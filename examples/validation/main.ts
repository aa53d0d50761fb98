/**
 * Validation: messages checked by the rules in accounts.proto, on the server and on the client.
 *
 *     deno run -A examples/validation/main.ts
 *
 * The handlers get valid requests only, and the caller learns what is wrong by field.
 *
 * @module
 */

import { connect, RpcError, serve } from "@vrpc/vrpc";
import { fieldViolations, validate } from "@vrpc/vrpc/validation";
import { AccountService } from "../../proto/gen/examples/accounts_pb.ts";

await using server = await serve("127.0.0.1:0", (router) => {
  router.service(AccountService, {
    open({ name }) {
      console.log(`  the handler opens an account for ${name}`);
      return { number: "A-1" };
    },
    async *book(requests) {
      let balance = 0n;
      for await (const { cents } of requests) yield { balanceCents: balance -= BigInt(cents) };
    },
  });
}, { interceptors: [validate()] });

async function attempt(what: string, call: () => Promise<void>): Promise<void> {
  console.log(what);
  try {
    await call();
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    console.log(`  ${error.codeName}`);
    for (const { field, description } of fieldViolations(error)) {
      console.log(`  ${field === "" ? "the whole message" : field}: ${description}`);
    }
  }
}

await using channel = connect(server.addresses[0]);
const accounts = channel.client(AccountService);

await attempt("a valid request", async () => {
  const { number } = await accounts.open({ email: "ada@example.com", name: "Ada" });
  console.log(`  opened: ${number}`);
});
await attempt("one with four faults", async () => {
  const users = [{ email: "bob@example.com", limitCents: 0 }, { email: "?", limitCents: 1 }];
  await accounts.open({ email: "ada", users });
});
await attempt("a stream, up to what is not valid", async () => {
  const payments = [
    { from: "A-1", to: "A-2", cents: 250 },
    { from: "A-1", to: "A-1", cents: 250 },
  ];
  for await (const { balanceCents } of accounts.book(payments)) {
    console.log(`  balance: ${balanceCents}`);
  }
});

// A client that checks does not even need the server.
await server.close();
await using careful = connect(server.addresses[0], { interceptors: [validate()] });
await attempt("checked by the client, with the server gone", async () => {
  await careful.client(AccountService).open({ email: "ada", name: "Ada" });
});
