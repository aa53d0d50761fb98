import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createSecureContext } from "node:tls";
import * as grpc from "../../src/grpc_js/mod.ts";
import { createAuthority } from "../../src/transport/certs.ts";
import { bind, type Message, send, start } from "./fixtures.ts";

const authority = await createAuthority();
const issued = await authority.issueServer({ names: ["orders.test"] });
const client = await authority.issueClient({ commonName: "client" });
const ca = Buffer.from(authority.cert);
const pair = { private_key: Buffer.from(issued.key), cert_chain: Buffer.from(issued.cert) };
const override = { "grpc.ssl_target_name_override": "orders.test" };

Deno.test("TLS verifies the server; credentials of the channel and of the call are sent", async () => {
  const asked: grpc.CallMetadataOptions[] = [];
  const token = (value: string) =>
    grpc.credentials.createFromMetadataGenerator((options, callback) => {
      asked.push(options);
      const metadata = new grpc.Metadata();
      metadata.add("token", value);
      callback(null, metadata);
    });
  const ssl = grpc.credentials.createSsl(ca);
  await using tls = await start({
    serverCredentials: grpc.ServerCredentials.createSsl(null, [pair]),
    clientCredentials: grpc.credentials.combineChannelCredentials(ssl, token("a")),
    client: override,
    handlers: {
      send(call: grpc.ServerUnaryCall<Message, Message>, callback: grpc.sendUnaryData<Message>) {
        const { transportSecurityType } = call.getAuthContext();
        callback(null, { text: `${transportSecurityType} ${call.metadata.get("token").join()}` });
      },
    },
  });
  const { reply } = await send(tls.client, {}, undefined, { credentials: token("b") });
  assert.equal(reply!.text, "ssl a,b");
  assert.equal(asked[0].method_name, "/test.Letters/Send");
  assert.equal(asked[0].service_url, "https://127.0.0.1/test.Letters");
});

Deno.test("a generator's error ends the call with its code, unless only a server may set it", async () => {
  await using plain = await start();
  const failing = (code?: number) =>
    grpc.credentials.createFromMetadataGenerator((_options, callback) => {
      callback(Object.assign(new Error("no token"), { code }));
    });
  const messageOf = async (code?: number) =>
    (await send(plain.client, {}, undefined, { credentials: failing(code) })).error!.message;
  const text = "Getting metadata from plugin failed with error: no token";
  assert.equal(await messageOf(), `2 UNKNOWN: ${text}`);
  assert.equal(await messageOf(16), `16 UNAUTHENTICATED: ${text}`);
  assert.equal(
    await messageOf(5),
    `13 INTERNAL: Invalid status from control plane: 5 NOT_FOUND ${text}`,
  );
});

Deno.test("client certificates, a secure context, and checks of the application's own", async () => {
  await using tls = await start({
    serverCredentials: grpc.ServerCredentials.createSsl(ca, [pair], true),
    clientCredentials: grpc.credentials.createSsl(
      ca,
      Buffer.from(client.key),
      Buffer.from(client.cert),
    ),
    client: override,
    handlers: {
      send(call: grpc.ServerUnaryCall<Message, Message>, callback: grpc.sendUnaryData<Message>) {
        const { sslPeerCertificate: { subject, fingerprint256, raw } = {} } = call.getAuthContext();
        assert.equal(fingerprint256?.replaceAll(":", "").toLowerCase(), client.fingerprint256);
        assert.equal(Buffer.isBuffer(raw), true);
        callback(null, { text: `${subject?.CN} ${call.request.text}` });
      },
    },
  });
  const first = await send(tls.client, { text: "a" });
  assert.equal(first.reply?.text, "client a", String(first.error));
  const target = `127.0.0.1:${tls.port}`;
  const outcome = async (credentials: grpc.ChannelCredentials) => {
    const other = new (tls.client.constructor as grpc.ServiceClientConstructor)(
      target,
      credentials,
      override,
    );
    const { reply, error } = await send(other, { text: "b" });
    other.close();
    return reply?.text ?? error!.code;
  };
  const context = createSecureContext({ ca, key: client.key, cert: client.cert });
  assert.equal(await outcome(grpc.credentials.createFromSecureContext(context)), "client b");
  const names: string[] = [];
  const checked = grpc.credentials.createFromSecureContext(context, {
    checkServerIdentity: (host) => {
      names.push(host);
      return new Error("not this one");
    },
  });
  assert.equal(await outcome(checked), grpc.status.UNAVAILABLE);
  assert.deepEqual([...new Set(names)], ["orders.test"]);
  assert.equal(await outcome(grpc.credentials.createSsl(ca)), grpc.status.UNAVAILABLE);
});

Deno.test("a server that checks clients is not bound without authorities", async () => {
  const name = "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH";
  const path = Deno.env.get(name);
  Deno.env.delete(name);
  const server = new grpc.Server();
  try {
    const credentials = grpc.ServerCredentials.createSsl(null, [pair], true);
    await assert.rejects(bind(server, "127.0.0.1:0", credentials), /needs authorities/);
  } finally {
    server.forceShutdown();
    if (path !== undefined) Deno.env.set(name, path);
  }
});

Deno.test("credentials are checked, compared and composed", () => {
  const insecure = grpc.credentials.createInsecure();
  assert.throws(() => insecure.compose(grpc.credentials.createEmpty()), /Cannot compose insecure/);
  assert.throws(() => grpc.credentials.createSsl("text" as never), /must be a Buffer/);
  assert.throws(() => grpc.credentials.createSsl(ca, ca), /accompanying certificate chain/);
  assert.throws(() => grpc.credentials.createSsl(ca, null, ca), /accompanying private key/);
  assert.ok(insecure._equals(grpc.credentials.createInsecure()));
  const context = createSecureContext({});
  const make = () => grpc.credentials.createFromSecureContext(context);
  assert.ok(make()._equals(make()));
  assert.ok(!make()._equals(insecure));
});
