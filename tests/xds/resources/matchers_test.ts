import assert from "node:assert/strict";
import { create, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { CidrRangeSchema } from "../../../proto/gen/envoy/config/core/v3/core_pb.ts";
import { RBACSchema as RulesSchema } from "../../../proto/gen/envoy/config/rbac/v3/rbac_pb.ts";
import { HeaderMatcherSchema } from "../../../proto/gen/envoy/config/route/v3/route_pb.ts";
import { RBACSchema } from "../../../proto/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { cidrRange, inRange, parseIp } from "../../../src/xds/resources/ip.ts";
import { headerMatcher } from "../../../src/xds/resources/matchers.ts";
import { type AccessedCall, parseRbac } from "../../../src/xds/resources/rbac.ts";

Deno.test("matchers: headers", () => {
  const cases: [JsonValue, [string | undefined, boolean][]][] = [
    [{ exactMatch: "a" }, [["a", true], ["A", false], [undefined, false]]],
    [{ exactMatch: "a", invertMatch: true }, [["a", false], ["b", true], [undefined, false]]],
    [{ presentMatch: true }, [["", true], [undefined, false]]],
    [{ presentMatch: true, invertMatch: true }, [["", false], [undefined, true]]],
    [{ presentMatch: false }, [["", false], [undefined, true]]],
    [{ prefixMatch: "ab" }, [["abc", true], ["ba", false]]],
    [{ suffixMatch: "bc" }, [["abc", true], ["bca", false]]],
    [{ containsMatch: "b" }, [["abc", true], ["ac", false]]],
    [{ safeRegexMatch: { regex: "a+" } }, [["aaa", true], ["aab", false]]],
    [
      { rangeMatch: { start: "-2", end: "10" } },
      [["-2", true], ["+9", true], ["10", false], ["1.0", false], ["", false]],
    ],
    [{ stringMatch: { prefix: "AB", ignoreCase: true } }, [["aBc", true], ["b", false]]],
  ];
  for (const [json, samples] of cases) {
    const message = fromJson(
      HeaderMatcherSchema,
      { name: "X-A", ...(json as object) } as JsonValue,
    );
    const { name, matches } = headerMatcher(message, "h");
    assert.equal(name, "x-a");
    for (const [value, expected] of samples) {
      assert.equal(matches(value), expected, `${JSON.stringify(json)} ${value}`);
    }
  }
});

Deno.test("matchers: IP addresses and ranges", () => {
  const ip = (text: string) => parseIp(text) && [...parseIp(text)!].join(".");
  assert.equal(ip("10.1.2.3"), "10.1.2.3");
  assert.equal(ip("::ffff:10.1.2.3"), "10.1.2.3");
  assert.equal(ip("fe80::1%eth0"), "254.128.0.0.0.0.0.0.0.0.0.0.0.0.0.1");
  assert.equal(ip("1:2:3:4:5:6:7:8"), "0.1.0.2.0.3.0.4.0.5.0.6.0.7.0.8");
  for (const text of ["", "1.2.3", "256.1.1.1", "1:2", "::1::2", "1:2:3:4:5:6:7:8:9", "g::"]) {
    assert.equal(ip(text), undefined, text);
  }
  const range = (addressPrefix: string, prefixLen: number) =>
    cidrRange(create(CidrRangeSchema, { addressPrefix, prefixLen }), "r");
  assert.ok(inRange(parseIp("10.1.255.1")!, range("10.1.0.0", 16)));
  assert.ok(!inRange(parseIp("10.2.0.1")!, range("10.1.0.0", 16)));
  assert.ok(inRange(parseIp("10.1.127.1")!, range("10.1.0.0", 17)));
  assert.ok(!inRange(parseIp("10.1.128.1")!, range("10.1.0.0", 17)));
  assert.ok(!inRange(parseIp("::1")!, range("10.1.0.0", 0)));
});

const call: AccessedCall = {
  path: "/shop.Orders/Get",
  header: (name) => ({ ":authority": "shop", tier: "gold" } as Record<string, string>)[name],
  localIp: parseIp("10.0.0.1"),
  localPort: 8080,
  peerIp: parseIp("10.0.0.9"),
  secure: true,
  principals: ["spiffe://shop/orders", "orders.shop"],
};

function allows(
  policy: { permissions?: JsonValue[]; principals?: JsonValue[] },
  action = "ALLOW",
  of: AccessedCall = call,
): boolean {
  const rules = fromJson(RulesSchema, {
    action,
    policies: {
      one: { permissions: [{ any: true }], principals: [{ any: true }], ...policy },
    },
  } as JsonValue);
  const any = anyPack(RBACSchema, create(RBACSchema, { rules }));
  const config = { typeName: RBACSchema.typeName, any, json: undefined };
  return parseRbac(config, false, "rbac")!.allows(of);
}

Deno.test("access rules: permissions, principals and actions", () => {
  const permissions: [JsonValue, boolean][] = [
    [{ urlPath: { path: { prefix: "/shop." } } }, true],
    [{ urlPath: { path: { exact: "/shop" } } }, false],
    [{ header: { name: "Host", exactMatch: "shop" } }, true],
    [{ destinationPort: 8080 }, true],
    [{ destinationPortRange: { start: 8000, end: 8080 } }, false],
    [{ destinationIp: { addressPrefix: "10.0.0.0", prefixLen: 24 } }, true],
    [{ notRule: { destinationPort: 8080 } }, false],
    [{ andRules: { rules: [{ any: true }, { destinationPort: 1 }] } }, false],
    [{ orRules: { rules: [{ any: true }, { destinationPort: 1 }] } }, true],
    [{ metadata: { invert: true } }, true],
    [{ requestedServerName: { exact: "" } }, true],
  ];
  for (const [rule, expected] of permissions) {
    assert.equal(allows({ permissions: [rule] }), expected, JSON.stringify(rule));
  }
  const principals: [JsonValue, boolean][] = [
    [{ authenticated: {} }, true],
    [{ authenticated: { principalName: { exact: "spiffe://shop/orders" } } }, true],
    [{ authenticated: { principalName: { suffix: ".other" } } }, false],
    [{ directRemoteIp: { addressPrefix: "10.0.0.9", prefixLen: 32 } }, true],
    [{ notId: { any: true } }, false],
    [{ header: { name: "tier", exactMatch: "gold" } }, true],
  ];
  for (const [rule, expected] of principals) {
    assert.equal(allows({ principals: [rule] }), expected, JSON.stringify(rule));
  }
  assert.equal(allows({}, "DENY"), false);
  assert.equal(allows({ permissions: [{ destinationPort: 1 }] }, "DENY"), true);
  const plain = { ...call, secure: false, principals: [] };
  assert.equal(allows({ principals: [{ authenticated: {} }] }, "ALLOW", plain), false);
  assert.throws(
    () => allows({ permissions: [{ header: { name: "grpc-timeout", presentMatch: true } }] }),
    /grpc-timeout must not be matched/,
  );
});
