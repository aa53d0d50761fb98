/**
 * Access rules by method, as a server interceptor that fails closed.
 *
 * @module
 */

import { builtinModule } from "../../bytes/builtin_module.ts";
import { Status } from "../../call/status.ts";
import { checkAttestationPolicy } from "../../attestation/checks.ts";
import type { AttestationPolicy } from "../../attestation/types.ts";
import { RpcError, textOf } from "../../errors.ts";
import { serverLog } from "../core/log.ts";
import type { HandlerContext, Interceptor } from "../core/types.ts";

/**
 * Decides whether a call is allowed. Return the caller's name (see {@link principalOf}) or true to allow it; anything
 * else refuses it with PERMISSION_DENIED. An RpcError that the rule throws, such as UNAUTHENTICATED, becomes the
 * status of the call; any other exception is logged and refuses the call.
 *
 * @category Access
 */
export type AccessRule = (
  context: HandlerContext,
) => string | boolean | undefined | Promise<string | boolean | undefined>;

/**
 * Rules by method. The most specific key applies: `"/package.Service/Method"`, then `"/package.Service/*"`, then
 * `"*"`. A method that matches no key is refused.
 *
 * @category Access
 */
export type AccessRules = Readonly<Record<string, AccessRule>>;

// Subject alternative name in the form of `TlsPeerInfo.subjectAltNames`.
const ALTERNATIVE_NAME = /^(?:DNS|IP Address|URI|email|DirName|Registered ID|otherName \w+):./;
const FINGERPRINT = /^[0-9a-f]{64}$/;
const PRINCIPAL = Symbol("vrpc.principal");

/**
 * Creates an interceptor that refuses every call that no rule allows. Make it the first interceptor of `serve`, so
 * that it covers every method:
 *
 * ```ts
 * import { anyone, authorize, bearerToken, serve, tlsPeer } from "@vrpc/vrpc";
 *
 * const [cert, key, clientCa] = await Promise.all(
 *   ["server.pem", "server.key", "clients.pem"].map((path) => Deno.readTextFile(path)),
 * );
 * await using server = await serve("0.0.0.0:50051", () => {}, {
 *   tls: { cert, key, clientCa },
 *   interceptors: [authorize({
 *     "/grpc.health.v1.Health/*": anyone,
 *     "/shop.Orders/Refund": tlsPeer("DNS:operator.internal"),
 *     "/shop.Orders/*": bearerToken({ web: Deno.env.get("WEB_TOKEN")! }),
 *   })],
 * });
 * ```
 *
 * Each call of a batch is checked, and so is the batch stream itself (`/vrpc.v1.BatchService/*`). The reserved route
 * `capabilities`, which lists the names of all methods, is a method too: only the keys `"capabilities"` and `"*"`
 * match it. Throws TypeError unless `rules` is a plain object with at least one rule, and for a key that matches nothing.
 *
 * @category Access
 */
export function authorize(rules: AccessRules): Interceptor {
  // A Map: the path `constructor` must not match a property of Object.prototype.
  checkRules(rules);
  const byKey = new Map<string, AccessRule>();
  for (const [key, rule] of Object.entries(rules)) {
    checkRule(key, rule);
    byKey.set(key, rule);
  }
  return (next) => async (call) => {
    const context = call.context;
    if (context === undefined) {
      throw new TypeError("Cannot use authorize on a client: it checks received calls");
    }
    const { path } = call.method;
    // Includes the slash; empty for a method without a service.
    const service = path.slice(0, path.lastIndexOf("/") + 1);
    const rule = byKey.get(path) ?? byKey.get(`/${path}`) ??
      (service ? byKey.get(`${service}*`) : undefined) ??
      byKey.get("*");
    const verdict = rule === undefined ? undefined : await judge(rule, context);
    if (typeof verdict === "string") context.values.set(PRINCIPAL, verdict);
    else if (verdict !== true) throw denied(path);
    return await next(call);
  };
}

/** Throws TypeError for a key that no method can match, and for a rule that is not a function. */
/** Throws TypeError unless the rules are those of a plain object, of which there must be some. */
function checkRules(rules: unknown): void {
  const prototype = typeof rules === "object" && rules !== null
    ? Object.getPrototypeOf(rules)
    : undefined;
  // The entries of a Map, and the methods of a class, are no properties of the object itself.
  if (prototype !== null && prototype !== Object.prototype) {
    throw new TypeError(
      `Cannot use the rules: must be a plain object of rules by method, not ${textOf(rules)}`,
    );
  }
  if (Object.keys(rules as object).length === 0) {
    throw new TypeError(
      "Cannot use the rules: there are none, so that every call would be refused",
    );
  }
}

function checkRule(key: string, rule: unknown): void {
  const fail = (why: string): never => {
    throw new TypeError(`Cannot use the rule ${JSON.stringify(key)}: ${why}`);
  };
  if (typeof rule !== "function") fail(`it is ${typeof rule}, must be a function`);
  if (key === "*") return;
  if (key === "") fail('it is empty; all methods are "*"');
  // deno-lint-ignore no-control-regex -- control characters are what is refused
  if (key !== key.trim() || /[\x00-\x1f\x7f]/.test(key)) {
    fail("a path has no white space around it and no control characters");
  }
  // The characters of a URI's path (RFC 3986 §3.3); an escape would not be decoded.
  const odd = key.startsWith("/") ? /[^\w\-.~!$&'()*+,;=:@/]/.exec(key) : /[\s\p{C}]/u.exec(key);
  if (odd !== null) fail(`a path does not contain ${JSON.stringify(odd[0])}`);
  if (key.includes("/") && !key.startsWith("/")) fail(`a path begins with a slash ("/${key}")`);
  const star = key.indexOf("*");
  if (star >= 0 && (star !== key.length - 1 || !/^\/(?:[^/].*\/)?\*$/.test(key))) {
    fail('a star must stand for all methods ("*") or those of a service ("/package.Service/*")');
  }
  if (key.endsWith("/")) fail(`it names no method; all of a service are "${key}*"`);
}

/**
 * Returns the caller's name, as given by the rule that allowed the call; undefined when it gave none.
 *
 * ```ts
 * import { principalOf, serve } from "@vrpc/vrpc";
 *
 * await using server = await serve("127.0.0.1:50051", (router) => {
 *   router.method("/whoami", {}, (_request, context) => {
 *     return new TextEncoder().encode(principalOf(context) ?? "anonymous");
 *   });
 * });
 * ```
 *
 * @category Access
 */
export function principalOf(context: HandlerContext): string | undefined {
  return context.values.get(PRINCIPAL) as string | undefined;
}

/**
 * Rule that allows every call.
 *
 * @category Access
 */
export function anyone(): boolean {
  return true;
}

/**
 * Creates a rule that requires the metadata `authorization: Bearer TOKEN` with one of `tokens`, whose keys are the
 * names of their owners; other calls fail with UNAUTHENTICATED. Its duration reveals nothing about the tokens: each
 * is compared, in constant time. Throws TypeError without tokens, for a token that two owners have, for one under 16
 * characters, and for one that no header can carry: only printable ASCII without spaces can match (RFC 6750 §2.1).
 *
 * ```ts
 * import { authorize, bearerToken } from "@vrpc/vrpc";
 *
 * const access = authorize({ "*": bearerToken({ web: Deno.env.get("WEB_TOKEN")! }) });
 * ```
 *
 * @category Access
 */
export function bearerToken(tokens: Readonly<Record<string, string>>): AccessRule {
  const owners = Object.entries(tokens).map(([owner, token]) => {
    checkToken(owner, token);
    return { owner, hash: sha256(token) };
  });
  if (owners.length === 0) throw new TypeError("Cannot use bearerToken: no tokens were given");
  if (new Set(Object.values(tokens)).size < owners.length) {
    throw new TypeError("Cannot use bearerToken: two owners have the same token");
  }
  const { timingSafeEqual } = builtinModule("node:crypto");
  return ({ metadata }) => {
    const [value, ...more] = metadata.getAll("authorization");
    const given = /^Bearer +(\S+)$/i.exec(value ?? "")?.[1];
    // Compares hashes: `timingSafeEqual` needs equal lengths.
    const hash = sha256(given ?? "");
    let found: string | undefined;
    for (const one of owners) {
      if (timingSafeEqual(one.hash, hash)) found = one.owner;
    }
    if (given === undefined || more.length > 0 || found === undefined) {
      throw new RpcError(Status.UNAUTHENTICATED, "A valid bearer token is required");
    }
    return found;
  };
}

function checkToken(owner: string, token: unknown): void {
  const fail = (why: string): never => {
    throw new TypeError(`Cannot use the token of "${owner}": ${why}`);
  };
  if (owner === "") fail("the owner's name is empty");
  if (typeof token !== "string") return fail(`it is ${typeof token}, must be a string`);
  if (token.length < 16) fail(`it has ${token.length} characters, must be at least 16`);
  if (!/^[\x21-\x7e]+$/.test(token)) fail("it must be printable ASCII without spaces");
}

/**
 * Creates a rule that requires a verified client certificate (`tls.clientCa` of `serve`) with one of `names`: a subject
 * alternative name such as `DNS:client.internal`, or the SHA-256 fingerprint in lower-case hex. Without names, any
 * certificate of the authority is allowed. Calls without a verified certificate fail with UNAUTHENTICATED, others with
 * PERMISSION_DENIED. Throws TypeError for a name that no certificate can have: one without its type.
 *
 * ```ts
 * import { authorize, tlsPeer } from "@vrpc/vrpc";
 *
 * const access = authorize({ "*": tlsPeer("DNS:client.internal") });
 * ```
 *
 * @category Access
 */
export function tlsPeer(...names: readonly string[]): AccessRule {
  for (const name of names) {
    const isName = typeof name === "string" &&
      (ALTERNATIVE_NAME.test(name) || FINGERPRINT.test(name));
    if (isName) continue;
    throw new TypeError(
      `Cannot use tlsPeer(${JSON.stringify(name)}): it must be a name with its type, such as ` +
        `"DNS:client.internal", or a SHA-256 fingerprint of 64 lower-case hex digits`,
    );
  }
  return ({ peer: { tls } }) => {
    if (!tls?.authorized) {
      throw new RpcError(Status.UNAUTHENTICATED, "A verified client certificate is required");
    }
    const { subjectAltNames = [], subject, fingerprint256 } = tls;
    // Ignores a common name that could pass for an alternative name ("DNS:operator.internal") or for a fingerprint.
    const name = subject?.includes(":") || FINGERPRINT.test(subject ?? "") ? undefined : subject;
    if (names.length === 0) return subjectAltNames[0] || name || fingerprint256 || true;
    const own = fingerprint256 ? [...subjectAltNames, fingerprint256] : subjectAltNames;
    return own.find((name) => names.includes(name)) ?? false;
  };
}

/**
 * Creates a rule that requires a vsock peer with one of these context ids; other transports are refused. Throws
 * TypeError without ids, and for one that is not an integer from 0 to 4,294,967,294.
 *
 * ```ts
 * import { authorize, vsockPeer } from "@vrpc/vrpc";
 *
 * const access = authorize({ "*": vsockPeer(3) });
 * ```
 *
 * @category Access
 */
export function vsockPeer(...cids: readonly number[]): AccessRule {
  if (cids.length === 0) throw new TypeError("Cannot use vsockPeer: no context ids were given");
  for (const cid of cids) {
    if (Number.isInteger(cid) && cid >= 0 && cid < 0xffffffff) continue;
    throw new TypeError(`Cannot use vsockPeer(${cid}): it must be an integer from 0 to 4294967294`);
  }
  return ({ peer: { vsockCid } }) =>
    vsockCid !== undefined && cids.includes(vsockCid) && `vsock:${vsockCid}`;
}

/**
 * Creates a rule that requires a peer that has attested itself (`attestPeers` of `serve`); with `policy`, its measurements
 * must meet that one, too. Calls of others fail with UNAUTHENTICATED, of other images with PERMISSION_DENIED. The
 * caller's name is the identity of its module.
 *
 * ```ts
 * import { attestedPeer, authorize } from "@vrpc/vrpc";
 * import { nitroPolicy } from "@vrpc/vrpc/attestation";
 *
 * const signer = nitroPolicy({ pcrs: { 8: "a0".repeat(48) } });
 * const access = authorize({ "/vault.Keys/*": attestedPeer(signer), "*": attestedPeer() });
 * ```
 *
 * @category Access
 */
export function attestedPeer(policy?: AttestationPolicy): AccessRule {
  if (policy !== undefined) checkAttestationPolicy("attestedPeer", policy);
  return ({ peer: { attestation } }) => {
    if (attestation === undefined) {
      throw new RpcError(Status.UNAUTHENTICATED, "An attested peer is required");
    }
    return (policy === undefined || policy.accepts(attestation)) && attestation.moduleId;
  };
}

async function judge(rule: AccessRule, context: HandlerContext) {
  try {
    return await rule(context);
  } catch (error) {
    if (error instanceof RpcError && error.code !== (Status.OK as Status)) throw error;
    serverLog.error("The access rule of {method} failed, refusing the call: {error}", {
      method: context.method.path,
      error,
    });
    return undefined;
  }
}

function denied(path: string): RpcError {
  return new RpcError(Status.PERMISSION_DENIED, `Not allowed to call ${path}`);
}

function sha256(text: string): Uint8Array {
  return builtinModule("node:crypto").createHash("sha256").update(text).digest();
}
