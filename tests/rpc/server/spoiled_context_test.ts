// Handlers that delete, replace or freeze what the server gave them: only their own call may suffer.

import assert from "node:assert/strict";
import type { HandlerContext } from "../../../mod.ts";
import { EchoService } from "../../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { settled } from "../../fixtures/settled.ts";
import { testServer } from "../../../src/testing/mod.ts";

const NOTHING = new Uint8Array();

/** Names of all properties that an object has, with those of its prototypes up to Object's. */
function names(target: object): (string | symbol)[] {
  const all: (string | symbol)[] = [];
  for (
    let one = target;
    one !== null && one !== Object.prototype;
    one = Object.getPrototypeOf(one)
  ) all.push(...Reflect.ownKeys(one));
  return all;
}

const SPOILERS: Record<string, (target: object) => void> = {
  deletes(target) {
    for (const key of Reflect.ownKeys(target)) Reflect.deleteProperty(target, key);
  },
  freezes: Object.freeze,
  replaces(target) {
    for (const key of names(target)) {
      if (key === "constructor") continue;
      const get = () => {
        throw new Error(`replaced ${String(key)}`);
      };
      Reflect.defineProperty(target, key, { configurable: true, get, set: get });
    }
  },
};

const TARGETS: Record<string, (context: HandlerContext) => object> = {
  "its context": (context) => context,
  "its values": ({ values }) => values,
  "its headers": ({ responseHeaders }) => responseHeaders,
  "its trailers": ({ responseTrailers }) => responseTrailers,
  "the request's metadata": ({ metadata }) => metadata,
  "its signal": ({ signal }) => signal,
};

for (const wire of ["grpc", "lean"] as const) {
  for (const [does, spoil] of Object.entries(SPOILERS)) {
    for (const [what, targetOf] of Object.entries(TARGETS)) {
      Deno.test(`${wire}: a handler that ${does} ${what} harms no other call`, async () => {
        await using rig = await testServer((router) => {
          router.method("/unary", {}, (request, context) => {
            spoil(targetOf(context));
            return request;
          });
          router.method("/throws", {}, (_, context) => {
            spoil(targetOf(context));
            throw new Error("after spoiling");
          });
          router.method("/hangs", {}, (_, context) => {
            spoil(targetOf(context));
            return new Promise<Uint8Array>(() => {});
          });
          router.method("/replies", { kind: "server_streaming" }, (_, context) => {
            const { stream } = context;
            spoil(targetOf(context));
            spoil(stream);
            return [NOTHING];
          });
          router.method("/requests", { kind: "client_streaming" }, (requests, context) => {
            spoil(targetOf(context));
            spoil(requests);
            return new Promise<Uint8Array>(() => {});
          });
          router.method("/echo", {}, (request) => request);
        }, { connect: { wire }, serve: { printFailures: false } });
        const { channel } = rig;
        const options = { timeoutMs: 100 };
        for (const path of ["/unary", "/throws", "/hangs"]) {
          await settled(channel.call(path, NOTHING, options));
        }
        await settled(Array.fromAsync(channel.stream("/replies", NOTHING, options)));
        const session = channel.session("/requests", options);
        await settled(session.send(NOTHING));
        await settled(session.receive());
        session.cancel();
        const { connections } = rig.server.stats();
        await channel.call("/echo", NOTHING, { timeoutMs: 5_000 });
        assert.equal(rig.server.stats().connections[wire], 1, "the connection was replaced");
        assert.equal(connections[wire], 1);
      });
    }
  }
}

const SHARED: Record<string, (context: HandlerContext) => object> = {
  "the facts about its peer": ({ peer }) => peer,
  "its method": ({ method }) => method,
  "the codec of its requests": ({ method }) => method.requestCodec,
  "the codec of its replies": ({ method }) => method.responseCodec,
};

for (const wire of ["grpc", "lean"] as const) {
  for (const [does, spoil] of Object.entries(SPOILERS)) {
    for (const [what, targetOf] of Object.entries(SHARED)) {
      Deno.test(`${wire}: a handler that ${does} ${what} changes nothing for other calls`, async () => {
        await using rig = await testServer((router) => {
          router.method("/spoils", {}, (request, context) => {
            try {
              spoil(targetOf(context));
            } catch {
              // What other calls share refuses the change.
            }
            return request;
          });
          router.method("/tells", {}, (_, { peer, method }) => {
            const { requestCodec, responseCodec } = method;
            return new TextEncoder().encode(
              JSON.stringify([
                peer,
                method,
                [requestCodec, responseCodec].map(({ name, encode, decode }) =>
                  [name, typeof encode, typeof decode].join()
                ),
              ]),
            );
          });
        }, { connect: { wire, poolSize: 1 }, serve: { printFailures: false } });
        const { channel } = rig;
        const tells = async (): Promise<string> =>
          new TextDecoder().decode(await channel.call("/tells", NOTHING));
        const before = await tells();
        await settled(channel.call("/spoils", NOTHING));
        assert.equal(await tells(), before);
        await channel.call("/spoils", NOTHING);
      });
    }
  }
}

/** A codec of the application: JSON whose functions use `this`. */
class Own {
  readonly name = "json";
  encode(value: unknown): Uint8Array {
    return new TextEncoder().encode(this.text(value));
  }
  decode(bytes: Uint8Array): unknown {
    return JSON.parse(new TextDecoder().decode(bytes));
  }
  text(value: unknown): string {
    return JSON.stringify(value);
  }
}

const plain = () => {
  const own = new Own();
  return {
    name: "json",
    encode: (value: unknown) => own.encode(value),
    decode: (bytes: Uint8Array) => own.decode(bytes),
  };
};

/** Returns a function that applies `spoil`; what calls share refuses the change. */
const spoiling = (spoil: (target: object) => void) => (targets: readonly object[]) => {
  for (const target of targets) {
    try {
      spoil(target);
    } catch {
      // Refused.
    }
  }
};

for (const [kind, codecOf] of Object.entries({ plain, "of a class": () => new Own() })) {
  for (const [does, spoil] of Object.entries(SPOILERS)) {
    Deno.test(`a handler that ${does} codecs of the application (${kind}) changes no other call`, async () => {
      const spoilAll = spoiling(spoil);
      const codec = codecOf();
      const spec = {
        path: "/echo",
        kind: "unary",
        requestCodec: codec,
        responseCodec: codec,
      } as const;
      await using rig = await testServer((router) => {
        router.method("/echo", spec, (value, { method }) => {
          spoilAll([method.requestCodec, method.responseCodec]);
          return value;
        });
      }, {
        serve: { printFailures: false },
        connect: {
          interceptors: [(next) => (call) => {
            spoilAll([call.method, call.method.requestCodec, call.method.responseCodec]);
            return next(call);
          }],
        },
      });
      const echo = rig.channel.method<unknown, unknown>(spec);
      for (const value of [[1], { a: "b" }]) assert.deepEqual(await echo.unary(value), value);
    });
  }
}

for (const [does, spoil] of Object.entries(SPOILERS)) {
  Deno.test(`a handler that ${does} its method and codecs in JSON changes no other call`, async () => {
    const spoilAll = spoiling(spoil);
    await using rig = await testServer((router) => {
      router.service(EchoService, {
        echo: ({ payload }, { method }) => {
          spoilAll([method, method.requestCodec, method.responseCodec]);
          return { payload };
        },
      });
    }, { serve: { printFailures: false }, connect: { codec: "json" } });
    const client = rig.channel.client(EchoService);
    for (const byte of [1, 2]) {
      const { payload } = await client.echo({ payload: Uint8Array.of(byte) });
      assert.deepEqual([...payload], [byte]);
    }
  });
}
