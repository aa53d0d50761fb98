/**
 * The three transcoders in front of one backend.
 *
 * @module
 */

import type { FileRegistry } from "@bufbuild/protobuf";
import { connect } from "../../../mod.ts";
import { Gateway, serveHttp } from "../../../src/gateway/mod.ts";
import { freePort, startWithFile } from "../proxies/proxy.ts";

/** A transcoder that listens. */
export interface Door extends AsyncDisposable {
  readonly name: "vrpc" | "Envoy" | "grpc-gateway";
  /** `127.0.0.1:PORT`. */
  readonly address: string;
}

/** Starts the gateway. */
export async function startOwn(
  registry: FileRegistry,
  services: readonly string[],
  backend: string,
): Promise<Door> {
  const channel = connect(backend);
  const gateway = new Gateway(channel, {
    services: services.map((name) => registry.getService(name)!),
  });
  const http = await serveHttp("127.0.0.1:0", (request) => {
    const { url } = request;
    const from = url.indexOf("/", 8);
    const query = url.indexOf("?", from);
    return gateway.answer(request, url.slice(from, query < 0 ? undefined : query));
  });
  return {
    name: "vrpc",
    address: http.address,
    async [Symbol.asyncDispose]() {
      await http.close();
      await channel.close();
    },
  };
}

/** Configuration of Envoy: its transcoder with the rules of google/api/http.proto, and errors as JSON. */
export function envoyConfig(
  port: number,
  descriptors: string,
  services: readonly string[],
  backend: string,
): string {
  const [host, backendPort] = backend.split(":");
  return `static_resources:
  listeners:
  - address: { socket_address: { address: 127.0.0.1, port_value: ${port} } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: http
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: { prefix: "/" }
                route: { cluster: backend, timeout: 10s }
          http_filters:
          - name: envoy.filters.http.grpc_json_transcoder
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder
              proto_descriptor: ${descriptors}
              services: ${JSON.stringify(services)}
              convert_grpc_status: true
              url_unescape_spec: ALL_CHARACTERS_EXCEPT_SLASH
              request_validation_options: { reject_unknown_method: true, reject_unknown_query_parameters: true }
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
  - name: backend
    connect_timeout: 5s
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http2_protocol_options: {} }
    load_assignment:
      cluster_name: backend
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: ${host}, port_value: ${backendPort} } } }
`;
}

/** Starts Envoy. */
export async function startEnvoy(
  program: string,
  descriptors: string,
  services: readonly string[],
  backend: string,
): Promise<Door> {
  const port = freePort();
  const address = `127.0.0.1:${port}`;
  const stop = await startEnvoyWith(
    program,
    envoyConfig(port, descriptors, services, backend),
    port,
  );
  return { name: "Envoy", address, [Symbol.asyncDispose]: stop };
}

/** Runs Envoy with a configuration until it accepts connections on `port`. Returns what ends it. */
export function startEnvoyWith(
  program: string,
  config: string,
  port: number,
): Promise<() => Promise<void>> {
  const options = ["--log-level", "error", "--concurrency", "1", "--disable-hot-restart"];
  const args = (_folder: string, file: string) => ["-c", file, ...options];
  return startWithFile(program, { config, args }, "envoy.yaml", port);
}

/** Starts the program of grpc-gateway. */
export async function startGrpcGateway(program: string, backend: string): Promise<Door> {
  const child = new Deno.Command(program, {
    args: [backend],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let line = "";
  while (!line.includes("\n")) {
    const { done, value } = await reader.read();
    if (done) throw new Error("grpc-gateway ended before it listened");
    line += value;
  }
  return {
    name: "grpc-gateway",
    address: line.trim(),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await reader.cancel();
    },
  };
}
