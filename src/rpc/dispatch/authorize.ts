/**
 * Who may call what: rules per method that fail closed, as an interceptor of a server.
 *
 * @module
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { Status } from "../../call/status.ts";
import { RpcError } from "../../errors.ts";
import { serverLog } from "../core/log.ts";
import type { HandlerContext, Interceptor } from "../core/types.ts";

/**
 * Decides about a call. A name lets it pass and says who calls (see {@link principalOf}); true lets it pass
 * without a name; anything else refuses it with PERMISSION_DENIED. May throw an RpcError of its own, such as
 * UNAUTHENTICATED; whatever else it throws refuses the call.
 */
export type AccessRule = (
  context: HandlerContext,
) => string | boolean | undefined | Promise<string | boolean | undefined>;

/**
 * Rules by method: `"/package.Service/Method"` before `"/package.Service/*"` before `"*"`. A method that
 * no key fits may not be called at all.
 */
export type AccessRules = Readonly<Record<string, AccessRule>>;

const PRINCIPAL = Symbol("vrpc.principal");

/**
 * An interceptor that lets through only what a rule allows. Give it to `serve` as the first, so that it goes
 * around every method:
 *
 * ```ts ignore
 * const operators = tlsPeer("DNS:operator.internal");
 * await serve("0.0.0.0:50051", configure, {
 *   tls: { cert, key, clientCa },
 *   interceptors: [authorize({
 *     "/grpc.health.v1.Health/*": anyone,
 *     "/shop.Orders/Refund": operators,
 *     "/shop.Orders/*": bearerToken({ web: WEB_TOKEN, app: APP_TOKEN }),
 *   })],
 * });
 * ```
 *
 * Every call inside of a batch is judged on its own, beside the batch stream (`/vrpc.v1.BatchService/*`).
 * The reserved route `capabilities`, which lists the names of all methods, is one more method: only the keys
 * `"capabilities"` and `"*"` fit it. Throws TypeError for a key that can fit nothing.
 */
export function authorize(rules: AccessRules): Interceptor {
  // A Map, so that no path finds what every object has.
  const byKey = new Map<string, AccessRule>();
  for (const [key, rule] of Object.entries(rules)) {
    if (key.slice(0, -1).includes("*") || (key.endsWith("*") && !/^(\*|.*\/\*)$/.test(key))) {
      throw new TypeError(
        `Cannot use the rule "${key}": a star stands for all methods ("*") or those of a service ("/package.Service/*")`,
      );
    }
    byKey.set(key, rule);
  }
  return (next) => async (call) => {
    const context = call.context;
    if (context === undefined) {
      throw new TypeError("Cannot use authorize on a client: it judges calls that arrive");
    }
    const { path } = call.method;
    // With its slash: a name without one is of no service.
    const service = path.slice(0, path.lastIndexOf("/") + 1);
    const rule = byKey.get(path) ?? (service ? byKey.get(`${service}*`) : undefined) ??
      byKey.get("*");
    const verdict = rule === undefined ? undefined : await judge(rule, context);
    if (typeof verdict === "string") context.values.set(PRINCIPAL, verdict);
    else if (verdict !== true) throw denied(path);
    return await next(call);
  };
}

/** Who calls, by the rule that let the call pass; undefined when it gave no name. */
export function principalOf(context: HandlerContext): string | undefined {
  return context.values.get(PRINCIPAL) as string | undefined;
}

/** The rule that lets everyone call. */
export function anyone(): boolean {
  return true;
}

/**
 * The rule that wants `authorization: Bearer TOKEN` in the metadata, with one of `tokens` by the names of
 * their owners; else UNAUTHENTICATED. How long it takes says nothing about the tokens: all of them are
 * compared, in constant time. Throws TypeError without tokens, and for one under 16 characters.
 */
export function bearerToken(tokens: Readonly<Record<string, string>>): AccessRule {
  const owners = Object.entries(tokens).map(([owner, token]) => {
    if (token.length < 16) {
      throw new TypeError(
        `Cannot use the token of "${owner}": it has ${token.length} characters, the least is 16`,
      );
    }
    return { owner, hash: sha256(token) };
  });
  if (owners.length === 0) throw new TypeError("Cannot use bearerToken without tokens");
  return ({ metadata }) => {
    const [value, ...more] = metadata.getAll("authorization");
    const given = /^Bearer +(\S+)$/i.exec(value ?? "")?.[1];
    // Hashes have one length, whatever the token's.
    const hash = sha256(given ?? "");
    let found: string | undefined;
    for (const one of owners) {
      if (timingSafeEqual(one.hash, hash)) found = one.owner;
    }
    if (given === undefined || more.length > 0 || found === undefined) {
      throw new RpcError(Status.UNAUTHENTICATED, "A valid bearer token is needed");
    }
    return found;
  };
}

/**
 * The rule that wants a verified client certificate (`tls.clientCa` of `serve`) with one of `names`: a subject
 * alternative name such as `DNS:client.internal`, or the SHA-256 fingerprint in lower-case hex; without names,
 * any certificate of the authority. Else UNAUTHENTICATED without a verified certificate, PERMISSION_DENIED
 * for another name.
 */
export function tlsPeer(...names: readonly string[]): AccessRule {
  return ({ peer: { tls } }) => {
    if (!tls?.authorized) {
      throw new RpcError(Status.UNAUTHENTICATED, "A verified client certificate is needed");
    }
    const own = [...tls.subjectAltNames ?? [], ...tls.fingerprint256 ? [tls.fingerprint256] : []];
    if (names.length === 0) return own[0] ?? tls.subject ?? true;
    return own.find((name) => names.includes(name)) ?? false;
  };
}

/** The rule that wants a peer on vsock with one of these context ids; on other transports nobody passes. */
export function vsockPeer(...cids: readonly number[]): AccessRule {
  return ({ peer: { vsockCid } }) =>
    vsockCid !== undefined && cids.includes(vsockCid) && `vsock:${vsockCid}`;
}

async function judge(rule: AccessRule, context: HandlerContext) {
  try {
    return await rule(context);
  } catch (error) {
    if (error instanceof RpcError && error.code !== (Status.OK as Status)) throw error;
    serverLog.error("The access rule of {method} failed, the call is refused: {error}", {
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
  return createHash("sha256").update(text).digest();
}
