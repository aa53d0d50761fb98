import assert from "node:assert/strict";
import {
  type AccessRules,
  anyone,
  authorize,
  bearerToken,
  connect,
  principalOf,
  RpcError,
  serve,
  Status,
  tlsPeer,
  vsockPeer,
} from "../../../mod.ts";
import { addBatch } from "../../../src/rpc/batch/mod.ts";
import { memoryPair, type TlsServerOptions } from "../../../src/transport/mod.ts";
import { createAuthority } from "../../../src/transport/certs.ts";
import { EMPTY, untext } from "../../fixtures/bytes.ts";
import { memoryAddress } from "../../fixtures/names.ts";

const TOKEN = "a-token-of-the-web-shop";

/** Starts a server whose methods return the caller and count their runs. */
async function start(rules: AccessRules, address?: string, tls?: TlsServerOptions) {
  let ran = 0;
  const server = await serve(address ?? memoryAddress("authorize"), (router) => {
    for (const path of ["/shop.Orders/List", "/shop.Orders/Refund", "/shop.Stock/List"]) {
      router.method(path, {}, (_, context) => {
        ran++;
        return new TextEncoder().encode(principalOf(context) ?? "nobody");
      });
    }
    router.method("/shop.Orders/Watch", { kind: "bidi_streaming" }, async function* (requests) {
      ran++;
      yield* requests;
    });
    addBatch(router);
  }, { interceptors: [authorize(rules)], tls });
  return { server, address: server.addresses[0], ran: () => ran };
}

Deno.test("authorize() refuses keys that no method can match", () => {
  const keys = ["", " ", "a.S/*", "a.S/Get", "/a.S/Secret ", " /a.S/Get", "/a.S/", "//*"];
  for (const key of [...keys, "/a.S/Get\n", "/a.S/\u0000"]) {
    assert.throws(() => authorize({ [key]: anyone }), TypeError, JSON.stringify(key));
  }
  assert.throws(() => authorize({ "*": true as never }), TypeError);
  for (const key of ["*", "/*", "/a.S/*", "/a.S/Get", "capabilities", "/health"]) {
    authorize({ [key]: anyone });
  }
});

Deno.test("bearerToken(), tlsPeer() and vsockPeer() refuse what can't match", () => {
  const token = "0123456789abcdef";
  for (
    const wrong of [`${token} `, ` ${token}`, `${token}\n`, "0123456789 abcdef", "0123456789abcdeä"]
  ) {
    assert.throws(() => bearerToken({ web: wrong }), TypeError, JSON.stringify(wrong));
  }
  assert.throws(() => bearerToken({ web: 5 as never }), TypeError);
  assert.throws(() => bearerToken({ "": token }), TypeError);
  assert.throws(() => bearerToken({ web: token, app: token }), /two owners have the same token/);
  for (
    const wrong of [
      "",
      "operator.internal",
      "dns:operator.internal",
      "DNS:",
      "A".repeat(64),
      "aa:bb",
      ["DNS:a"] as never,
    ]
  ) {
    assert.throws(() => tlsPeer(wrong), TypeError, wrong);
  }
  tlsPeer("DNS:a", "URI:spiffe://x/y", "IP Address:::1", "a".repeat(64));
  for (const wrong of [[], [-1], [1.5], [NaN], [2 ** 32], ["3" as never]]) {
    assert.throws(() => vsockPeer(...wrong), TypeError, String(wrong));
  }
});

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`authorize() applies the most specific rule and refuses methods without one: ${wire}`, async () => {
    const { server, address, ran } = await start({
      "/shop.Orders/Refund": () => "operator",
      "/shop.Orders/*": anyone,
    });
    await using _ = server;
    await using channel = connect(address, { wire });
    assert.equal(untext(await channel.call("/shop.Orders/List", EMPTY)), "nobody");
    assert.equal(untext(await channel.call("/shop.Orders/Refund", EMPTY)), "operator");
    await assert.rejects(channel.call("/shop.Stock/List", EMPTY), {
      code: Status.PERMISSION_DENIED,
      message: "Not allowed to call /shop.Stock/List",
    });
    assert.equal(ran(), 2);
  });

  Deno.test(`authorize() covers the route capabilities: ${wire}`, async () => {
    const path = wire === "lean" ? "capabilities" : "/capabilities";
    const outcomes: [AccessRules, boolean][] = [
      [{ "/shop.Orders/*": anyone }, false],
      [{ "/shop.Orders/*": anyone, "/capabilitie/*": anyone, "/*": anyone }, false],
      [{ "*": () => false }, false],
      [{ "capabilities": () => false, "*": anyone }, false],
      [{ "capabilities": anyone }, true],
      [{ "*": anyone }, true],
    ];
    for (const [rules, allowed] of outcomes) {
      const { server, address } = await start(rules);
      await using _ = server;
      await using channel = connect(address, { wire });
      const list = channel.call(path, EMPTY);
      if (allowed) assert.match(untext(await list), /Refund/);
      else await assert.rejects(list, { code: Status.PERMISSION_DENIED });
    }
  });

  Deno.test(`authorize() refuses streams before their handler starts: ${wire}`, async () => {
    const { server, address, ran } = await start({ "/other.Service/*": anyone });
    await using _ = server;
    await using channel = connect(address, { wire });
    await using session = channel.session("/shop.Orders/Watch", { initial: EMPTY });
    await assert.rejects(session.receive(), { code: Status.PERMISSION_DENIED });
    assert.equal(ran(), 0);
  });

  Deno.test(`bearerToken() requires exactly one valid token: ${wire}`, async () => {
    const { server, address, ran } = await start({
      "*": bearerToken({ app: "another-token-0123456789", web: TOKEN }),
    });
    await using _ = server;
    await using channel = connect(address, { wire });
    const call = (metadata: [string, string][]) =>
      channel.call("/shop.Orders/List", EMPTY, { metadata });
    assert.equal(untext(await call([["authorization", `Bearer ${TOKEN}`]])), "web");
    assert.equal(untext(await call([["Authorization", `bearer ${TOKEN}`]])), "web");
    const wrong: [string, string][][] = [
      [],
      [["authorization", ""]],
      [["authorization", TOKEN]],
      [["authorization", "Bearer "]],
      [["authorization", `Bearer ${TOKEN}x`]],
      [["authorization", `Bearer ${TOKEN.slice(0, -1)}`]],
      [["authorization", `Basic ${TOKEN}`]],
      [["authorization", `Bearer ${TOKEN}`], ["authorization", "Bearer x"]],
    ];
    for (const metadata of wrong) {
      await assert.rejects(call(metadata), {
        code: Status.UNAUTHENTICATED,
        message: "A valid bearer token is required",
      });
    }
    assert.equal(ran(), 2);
  });
}

Deno.test("authorize() checks each call of a batch", async () => {
  const { server, address } = await start({
    "/vrpc.v1.BatchService/*": anyone,
    "/shop.Orders/*": anyone,
  });
  await using _ = server;
  await using channel = connect(address, { batch: true });
  const [allowed, refused] = await Promise.allSettled([
    channel.call("/shop.Orders/List", EMPTY),
    channel.call("/shop.Stock/List", EMPTY),
  ]);
  assert.equal(allowed.status, "fulfilled");
  assert.equal((refused as PromiseRejectedResult).reason.code, Status.PERMISSION_DENIED);
  assert.equal(channel.stats().batchedCalls, 2);
});

Deno.test("a rule that throws, or returns anything but a name or true, refuses the call", async () => {
  const rules: Record<string, () => unknown> = {
    throws: () => {
      throw new Error("the database is away: password=hunter2");
    },
    rejects: () => Promise.reject(new Error("later")),
    ok: () => {
      throw new RpcError(Status.OK as Status, "not an error");
    },
    undefined: () => undefined,
    false: () => false,
    zero: () => 0,
    one: () => 1,
    object: () => ({}),
  };
  for (const [name, rule] of Object.entries(rules)) {
    const { server, address, ran } = await start({ "*": rule as () => boolean });
    await using _ = server;
    await using channel = connect(address);
    await assert.rejects(channel.call("/shop.Orders/List", EMPTY), {
      code: Status.PERMISSION_DENIED,
      message: "Not allowed to call /shop.Orders/List",
    }, name);
    assert.equal(ran(), 0, name);
  }
});

Deno.test("authorize() and bearerToken() refuse invalid rules", () => {
  for (const key of ["/a.B/C*", "/a.*/C", "**", "a*"]) {
    assert.throws(() => authorize({ [key]: anyone }), TypeError, key);
  }
  assert.throws(() => bearerToken({}), TypeError);
  assert.throws(() => bearerToken({ a: "short" }), /it has 5 characters, must be at least 16$/);
});

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`tlsPeer() requires a verified certificate: ${wire}`, async () => {
    const authority = await createAuthority();
    const { cert, key } = await authority.issueServer();
    const { server, address } = await start(
      { "/shop.Orders/Refund": tlsPeer("DNS:operator.internal"), "*": tlsPeer() },
      "127.0.0.1:0",
      { cert, key, clientCa: authority.cert, clientAuth: "request" },
    );
    await using _ = server;
    const as = async (name: string | undefined) => {
      const own = name === undefined ? {} : await authority.issueClient({ names: [name] });
      return connect(address, {
        wire,
        tls: { ca: authority.cert, serverName: "localhost", ...own },
      });
    };
    await using operator = await as("operator.internal");
    assert.equal(
      untext(await operator.call("/shop.Orders/Refund", EMPTY)),
      "DNS:operator.internal",
    );
    await using web = await as("web.internal");
    assert.equal(untext(await web.call("/shop.Orders/List", EMPTY)), "DNS:web.internal");
    await assert.rejects(web.call("/shop.Orders/Refund", EMPTY), {
      code: Status.PERMISSION_DENIED,
    });
    await using stranger = await as(undefined);
    await assert.rejects(stranger.call("/shop.Orders/List", EMPTY), {
      code: Status.UNAUTHENTICATED,
    });
  });
}

Deno.test("vsockPeer() checks the context id and refuses other transports", async () => {
  const { server } = await start({ "*": vsockPeer(3, 16) });
  await using _ = server;
  for (const [vsockCid, allowed] of [[16, true], [17, false], [undefined, false]] as const) {
    const [near, far] = memoryPair();
    server.serveConnection(Object.assign(far, { peer: { ...far.peer, vsockCid } }));
    await using channel = connect("memory:unused", { dial: () => Promise.resolve(near) });
    const call = channel.call("/shop.Orders/List", EMPTY);
    if (allowed) assert.equal(untext(await call), "vsock:16");
    else await assert.rejects(call, { code: Status.PERMISSION_DENIED });
  }
});

Deno.test("authorize() takes only a plain object with rules whose keys are paths", () => {
  class Rules {
    "/a.B/C" = anyone;
  }
  const wrong: unknown[] = [
    new Map([["/a.B/C", anyone]]),
    [anyone],
    new Rules(),
    () => anyone,
    null,
    undefined,
    "*",
    {},
    Object.create(null),
  ];
  for (const rules of wrong) assert.throws(() => authorize(rules as never), TypeError);
  for (const char of [" ", "\u00a0", "\u200b", "?", "#", "%", "\\", '"', "ü"]) {
    const key = `/a.B/C${char}D`;
    assert.throws(() => authorize({ [key]: anyone }), (error: Error) => {
      return error instanceof TypeError && error.message.includes(JSON.stringify(key));
    });
  }
  assert.throws(() => authorize({ "cap\u200babilities": anyone }), TypeError);
  authorize(Object.assign(Object.create(null), { "/a.B/C-d_e.f~1": anyone, "äpfel": anyone }));
});
