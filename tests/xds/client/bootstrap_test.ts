import assert from "node:assert/strict";
import { parseBootstrap, readBootstrap } from "../../../src/xds/client/bootstrap.ts";
import { clientListenerName, fillTemplate } from "../../../src/xds/client/names.ts";

const insecure = [{ type: "google_default" }, { type: "insecure" }];
const servers = [{ server_uri: "127.0.0.1:1", channel_creds: insecure }];

Deno.test("bootstrap: servers, node, certificate providers, authorities", () => {
  const bootstrap = parseBootstrap(JSON.stringify({
    xds_servers: [{
      server_uri: "plane:443",
      channel_creds: [{ type: "unheard" }, { type: "tls", config: { ca_certificate_file: "/ca" } }],
      server_features: ["xds_v3", "ignore_resource_deletion", "trusted_xds_server"],
    }],
    node: { id: "n", cluster: "c", locality: { zone: "z" }, metadata: { a: 1 } },
    certificate_providers: {
      own: {
        plugin_name: "file_watcher",
        config: { certificate_file: "/c", private_key_file: "/k", refresh_interval: "5s" },
      },
      other: { plugin_name: "mesh_ca" },
    },
    authorities: { shop: {} },
    server_listener_resource_name_template: "server?%s",
  }));
  const [server] = bootstrap.servers;
  assert.equal(server.ignoresDeletion && server.trusted, true);
  assert.deepEqual(server.tls, {
    certificateFile: undefined,
    privateKeyFile: undefined,
    caCertificateFile: "/ca",
    refreshMs: 600_000,
  });
  assert.deepEqual(bootstrap.node.locality, { region: "", zone: "z", subZone: "" });
  assert.deepEqual([...bootstrap.certificateProviders.keys()], ["own"]);
  assert.equal(bootstrap.certificateProviders.get("own")!.refreshMs, 5_000);
  assert.equal(bootstrap.authorities.get("shop")!.servers, bootstrap.servers);
  assert.equal(bootstrap.serverListenerTemplate, "server?%s");
});

Deno.test("bootstrap: names of listeners", () => {
  const bootstrap = parseBootstrap({
    xds_servers: servers,
    client_default_listener_resource_name_template:
      "xdstp://d/envoy.config.listener.v3.Listener/%s",
    authorities: {
      shop: { client_listener_resource_name_template: "xdstp://shop/l/%s?p=1" },
      plain: {},
    },
  });
  const name = (authority: string, path: string) =>
    clientListenerName(bootstrap, { authority, path });
  assert.equal(name("", "a b/c"), "xdstp://d/envoy.config.listener.v3.Listener/a%20b/c");
  assert.equal(name("shop", "x"), "xdstp://shop/l/x?p=1");
  assert.equal(name("plain", "x"), "xdstp://plain/envoy.config.listener.v3.Listener/x");
  assert.throws(() => name("none", "x"), /no authority "none"/);
  assert.equal(fillTemplate("server?%s", "[::1]:8080"), "server?[::1]:8080");
});

Deno.test("bootstrap: what is not valid", () => {
  const cases: [Parameters<typeof parseBootstrap>[0], RegExp][] = [
    ["{", /Cannot parse the xDS bootstrap/],
    [{}, /xds_servers: it must not be empty/],
    [{ xds_servers: [{}] }, /xds_servers\[0\]\.server_uri: it must not be empty/],
    [
      { xds_servers: [{ server_uri: "a", channel_creds: [{ type: "google_default" }] }] },
      /xds_servers\[0\]\.channel_creds: none of its types is known/,
    ],
    [{ xds_servers: servers, node: 1 }, /node: it must be an object/],
    [
      {
        xds_servers: servers,
        certificate_providers: { a: { plugin_name: "file_watcher", config: {} } },
      },
      /certificate_providers\.a\.config: it has neither/,
    ],
    [
      {
        xds_servers: servers,
        authorities: { a: { client_listener_resource_name_template: "xdstp://b/%s" } },
      },
      /it must begin with xdstp:\/\/a\//,
    ],
  ];
  for (const [config, expected] of cases) {
    assert.throws(() => parseBootstrap(config), (error: Error) => {
      assert.match(error.message, expected);
      return error instanceof TypeError;
    });
  }
});

Deno.test("bootstrap: from the environment, the file first", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, JSON.stringify({ xds_servers: servers, node: { id: "file" } }));
    const env = (values: Record<string, string>) => (name: string) => values[name];
    const text = JSON.stringify({ xds_servers: servers, node: { id: "text" } });
    const both = { GRPC_XDS_BOOTSTRAP: path, GRPC_XDS_BOOTSTRAP_CONFIG: text };
    assert.equal(readBootstrap(env(both)).node.id, "file");
    assert.equal(readBootstrap(env({ GRPC_XDS_BOOTSTRAP_CONFIG: text })).node.id, "text");
    assert.throws(() => readBootstrap(env({})), /There is no xDS bootstrap/);
    assert.throws(
      () => readBootstrap(env({ GRPC_XDS_BOOTSTRAP: `${path}.none` })),
      /Cannot read the xDS bootstrap/,
    );
  } finally {
    await Deno.remove(path);
  }
});
