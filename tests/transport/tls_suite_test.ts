import { dial } from "../../src/transport/dial.ts";
import { createAuthority } from "../../src/transport/certs.ts";
import { listen } from "../../src/transport/listen.ts";
import type { TlsClientOptions, TlsServerOptions } from "../../src/transport/tls_options.ts";
import { type Fixture, transportSuite } from "./suite.ts";

const authority = await createAuthority();
const server = await authority.issueServer();
const client = await authority.issueClient({ commonName: "alice", names: ["alice.internal"] });
const alpn = ["h2"];

/** A fixture with TLS on `address`, and a plain listener as a peer that never answers. */
function tlsFixture(
  address: string,
  transport: string,
  tls: { server: TlsServerOptions; client: TlsClientOptions },
  cleanUp?: Fixture["cleanUp"],
): Fixture {
  return {
    transport,
    cleanUp,
    listen: () => listen(address, { tls: tls.server, alpn }),
    dial: (listener, options) => dial(listener.address, { tls: tls.client, alpn, ...options }),
    // Accepts the connection and never answers the handshake.
    async dialSilent(options) {
      const listener = await listen(address);
      const accepted = listener.accept();
      try {
        return await dial(listener.address, { tls: tls.client, ...options });
      } finally {
        listener.close();
        (await accepted)?.close();
      }
    },
  };
}

const oneSided = { server, client: { ca: authority.cert } };
const mutual = {
  server: { ...server, clientCa: authority.cert },
  client: { ca: authority.cert, ...client },
};

transportSuite("tls (runtime client)", () => tlsFixture("127.0.0.1:0", "tls", oneSided));
transportSuite("tls ipv6", () => tlsFixture("[::1]:0", "tls", oneSided));
transportSuite("mutual tls", () => tlsFixture("127.0.0.1:0", "tls", mutual));
transportSuite(
  "tls, insecure",
  () => tlsFixture("127.0.0.1:0", "tls", { server, client: { insecure: true } }),
);
for (const [name, tls] of [["tls", oneSided], ["mutual tls", mutual]] as const) {
  transportSuite(`${name} inside unix`, async () => {
    const dir = await Deno.makeTempDir();
    return tlsFixture(
      `unix:${dir}/a.sock`,
      "unix",
      tls,
      () => Deno.remove(dir, { recursive: true }),
    );
  });
  transportSuite(
    `${name} inside memory`,
    () => tlsFixture(`memory:${crypto.randomUUID()}`, "memory", tls),
  );
}
