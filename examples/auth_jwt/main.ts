/**
 * JSON Web Tokens: the rule of a server verifies them with `jose`, and handlers read their claims.
 *
 *     deno run -A examples/auth_jwt/main.ts
 *
 * @module
 */

import { type AccessRule, authorize, connect, principalOf, RpcError, serve } from "@vrpc/vrpc";
import { Status } from "@vrpc/vrpc";
import { generateKeyPair, type JWTPayload, jwtVerify, SignJWT } from "jose";

const issuer = "https://login.example";
const audience = "orders";
// In production: createRemoteJWKSet(new URL("https://login.example/.well-known/jwks.json")).
const { publicKey, privateKey } = await generateKeyPair("ES256");

const CLAIMS = Symbol("claims");

/** Lets calls pass with a valid token that has the scope. */
function scope(name: string): AccessRule {
  return async (context) => {
    const [, token = ""] = /^Bearer (\S+)$/.exec(context.metadata.get("authorization") ?? "") ?? [];
    const { payload } = await jwtVerify(token, publicKey, {
      issuer,
      audience,
      algorithms: ["ES256"],
    })
      .catch((cause) => {
        throw new RpcError(Status.UNAUTHENTICATED, "The token is not valid", { cause });
      });
    context.values.set(CLAIMS, payload);
    return String(payload.scope).split(" ").includes(name) && payload.sub; // the name of `principalOf`
  };
}

await using server = await serve("127.0.0.1:0", (router) => {
  router.method("/orders/list", {}, (_, context) => {
    const { tenant } = context.values.get(CLAIMS) as JWTPayload;
    return new TextEncoder().encode(`orders of ${tenant}, for ${principalOf(context)}`);
  });
  router.method("/orders/refund", {}, (request) => request);
}, {
  interceptors: [authorize({
    "/orders/list": scope("orders:read"),
    "/orders/refund": scope("orders:write"),
  })],
});
await using channel = connect(server.addresses[0]);

async function show(path: string, token: string): Promise<void> {
  try {
    const metadata = { authorization: `Bearer ${token}` };
    const reply = await channel.call(path, new Uint8Array(), { metadata });
    console.log(`${path}: ${new TextDecoder().decode(reply)}`);
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    console.log(`${path}: ${error.codeName}`);
  }
}

const sign = (expiresAt: string) =>
  new SignJWT({ scope: "orders:read", tenant: "acme" }).setProtectedHeader({ alg: "ES256" })
    .setSubject("ada").setIssuer(issuer).setAudience(audience).setExpirationTime(expiresAt)
    .sign(privateKey);

const token = await sign("5m");
await show("/orders/list", token);
await show("/orders/refund", token); // its scope is missing
await show("/orders/list", `${token.slice(0, -4)}AAAA`); // a forged signature
await show("/orders/list", await sign("1m ago"));
