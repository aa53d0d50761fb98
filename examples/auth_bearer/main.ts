/**
 * Bearer tokens: a rule for each method on the server, credentials on the client.
 *
 *     deno run -A examples/auth_bearer/main.ts
 *
 * @module
 */

import { anyone, authorize, bearerToken, connect, principalOf, RpcError, serve } from "@vrpc/vrpc";

const TOKENS = { web: "web-shop-0123456789", office: "back-office-0123456789" };

// The most specific key applies. A method without a rule is refused.
const rules = authorize({
  "/shop.Orders/Prices": anyone,
  "/shop.Orders/Refund": bearerToken({ office: TOKENS.office }),
  "/shop.Orders/*": bearerToken(TOKENS),
});

await using server = await serve("127.0.0.1:0", (router) => {
  for (const method of ["Prices", "List", "Refund"]) {
    router.method(`/shop.Orders/${method}`, {}, (_, context) => {
      return new TextEncoder().encode(`${method} for ${principalOf(context) ?? "anyone"}`);
    });
  }
}, { interceptors: [rules] });

async function callAll(token?: string): Promise<void> {
  await using channel = connect(server.addresses[0], {
    // Runs once for each call and may be asynchronous, for tokens that expire.
    credentials: token === undefined ? undefined : () => ({ authorization: `Bearer ${token}` }),
    allowInsecureCredentials: true, // for this example only: tokens belong into TLS
  });
  for (const method of ["Prices", "List", "Refund"]) {
    try {
      const reply = await channel.call(`/shop.Orders/${method}`, new Uint8Array());
      console.log(`  ${new TextDecoder().decode(reply)}`);
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      console.log(`  ${method}: ${error.codeName}`);
    }
  }
}

console.log("without a token");
await callAll();
console.log("as the web shop");
await callAll(TOKENS.web);
console.log("as the back office");
await callAll(TOKENS.office);
