/**
 * Bootstrap configuration: the servers of the control plane, and the node of this process (gRPC A27, A29, A47, A65).
 *
 * @module
 */

import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { readFileSync } from "node:fs";
import { textOf } from "../../errors.ts";

/** Files of TLS; each is read again when it changes. */
export interface CertificateFiles {
  readonly certificateFile: string | undefined;
  readonly privateKeyFile: string | undefined;
  readonly caCertificateFile: string | undefined;
  /** Time between two reads, in ms. */
  readonly refreshMs: number;
}

/** A server of the control plane. */
export interface XdsServer {
  /** Its target, in the address grammar. */
  readonly uri: string;
  /** TLS of the connection; undefined for plain text. */
  readonly tls: CertificateFiles | "system" | undefined;
  /** Whether resources that a response lacks stay in use (gRPC A53). */
  readonly ignoresDeletion: boolean;
  /** Whether the server may rewrite the authority of calls (gRPC A81). */
  readonly trusted: boolean;
}

/** A name space of resources, with servers of its own (gRPC A47). */
export interface XdsAuthority {
  readonly clientListenerTemplate: string;
  readonly servers: readonly XdsServer[];
}

/** A parsed bootstrap configuration. */
export interface Bootstrap {
  readonly servers: readonly XdsServer[];
  readonly node: {
    readonly id: string;
    readonly cluster: string;
    readonly locality: {
      readonly region: string;
      readonly zone: string;
      readonly subZone: string;
    };
    readonly metadata: JsonObject | undefined;
  };
  /** Instances of certificate providers, by name. */
  readonly certificateProviders: ReadonlyMap<string, CertificateFiles>;
  readonly authorities: ReadonlyMap<string, XdsAuthority>;
  /** Name of the listener of `xds:` targets without an authority; `%s` stands for the target's path. */
  readonly clientListenerTemplate: string;
  /** Name of a server's listener; `%s` stands for its address. */
  readonly serverListenerTemplate: string | undefined;
}

const REFRESH_MS = 600_000;

/**
 * Reads the bootstrap from the file that `GRPC_XDS_BOOTSTRAP` names, or from the JSON in `GRPC_XDS_BOOTSTRAP_CONFIG`. Throws
 * TypeError if neither is set, the file can't be read, or the configuration is not valid.
 */
export function readBootstrap(env: (name: string) => string | undefined): Bootstrap {
  const path = env("GRPC_XDS_BOOTSTRAP");
  if (path) {
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (cause) {
      throw new TypeError(`Cannot read the xDS bootstrap ${path}: ${textOf(cause)}`, { cause });
    }
    return parseBootstrap(text);
  }
  const text = env("GRPC_XDS_BOOTSTRAP_CONFIG");
  if (text) return parseBootstrap(text);
  throw new TypeError(
    "There is no xDS bootstrap: set GRPC_XDS_BOOTSTRAP to a file, or GRPC_XDS_BOOTSTRAP_CONFIG to JSON",
  );
}

/** Parses a bootstrap configuration, JSON text or an object. Throws TypeError that names the invalid field. */
export function parseBootstrap(config: string | JsonObject): Bootstrap {
  const json = typeof config === "string" ? parseJson(config) : config;
  const root = objectAt(json, "bootstrap");
  const servers = serversAt(root.xds_servers, "xds_servers");
  if (servers.length === 0) throw wrong("xds_servers", "it must not be empty");
  const node = objectAt(root.node ?? {}, "node");
  const locality = objectAt(node.locality ?? {}, "node.locality");
  const template = textAt(
    root.client_default_listener_resource_name_template,
    "client_default_listener_resource_name_template",
  ) ||
    "%s";
  return {
    servers,
    node: {
      id: textAt(node.id, "node.id"),
      cluster: textAt(node.cluster, "node.cluster"),
      locality: {
        region: textAt(locality.region, "node.locality.region"),
        zone: textAt(locality.zone, "node.locality.zone"),
        subZone: textAt(locality.sub_zone, "node.locality.sub_zone"),
      },
      metadata: node.metadata === undefined ? undefined : objectAt(node.metadata, "node.metadata"),
    },
    certificateProviders: providersAt(root.certificate_providers ?? {}),
    authorities: new Map(
      Object.entries(objectAt(root.authorities ?? {}, "authorities"))
        .map(([name, value]) => [name, authorityAt(name, value, servers)]),
    ),
    clientListenerTemplate: template,
    serverListenerTemplate: textAt(
      root.server_listener_resource_name_template,
      "server_listener_resource_name_template",
    ) || undefined,
  };
}

function parseJson(text: string): JsonValue {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TypeError(`Cannot parse the xDS bootstrap: ${textOf(cause)}`, { cause });
  }
}

function serversAt(value: JsonValue | undefined, where: string): XdsServer[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw wrong(where, "it must be a list");
  return value.map((one, i) => {
    const at = `${where}[${i}]`;
    const json = objectAt(one, at);
    const uri = textAt(json.server_uri, `${at}.server_uri`);
    if (uri === "") throw wrong(`${at}.server_uri`, "it must not be empty");
    const features = new Set(listAt(json.server_features, `${at}.server_features`));
    return {
      uri,
      tls: credentialsAt(json.channel_creds, `${at}.channel_creds`),
      ignoresDeletion: features.has("ignore_resource_deletion"),
      trusted: features.has("trusted_xds_server"),
    };
  });
}

/** Returns the first kind of credentials that is known. */
function credentialsAt(value: JsonValue | undefined, where: string): XdsServer["tls"] {
  for (const [i, one] of listAt(value, where).entries()) {
    const at = `${where}[${i}]`;
    const { type, config } = objectAt(one, at);
    if (type === "insecure") return undefined;
    if (type === "tls") {
      const files = filesAt(config ?? {}, `${at}.config`);
      return files.certificateFile === undefined && files.caCertificateFile === undefined
        ? "system"
        : files;
    }
  }
  throw wrong(where, 'none of its types is known: "insecure", "tls"');
}

function authorityAt(
  name: string,
  value: JsonValue,
  servers: readonly XdsServer[],
): XdsAuthority {
  const where = `authorities.${name}`;
  const json = objectAt(value, where);
  const prefix = `xdstp://${name}/`;
  const field = `${where}.client_listener_resource_name_template`;
  const template = textAt(json.client_listener_resource_name_template, field);
  if (template !== "" && !template.startsWith(prefix)) {
    throw wrong(field, `it must begin with ${prefix}`);
  }
  const own = serversAt(json.xds_servers, `${where}.xds_servers`);
  return {
    clientListenerTemplate: template || `${prefix}envoy.config.listener.v3.Listener/%s`,
    servers: own.length > 0 ? own : servers,
  };
}

function providersAt(value: JsonValue): Map<string, CertificateFiles> {
  const providers = new Map<string, CertificateFiles>();
  for (const [name, one] of Object.entries(objectAt(value, "certificate_providers"))) {
    const where = `certificate_providers.${name}`;
    const { plugin_name: plugin, config } = objectAt(one, where);
    // A provider that is not known is an error only for resources that use it.
    if (plugin !== "file_watcher") continue;
    const files = filesAt(config ?? {}, `${where}.config`);
    if (files.certificateFile === undefined && files.caCertificateFile === undefined) {
      throw wrong(`${where}.config`, "it has neither a certificate_file nor a ca_certificate_file");
    }
    providers.set(name, files);
  }
  return providers;
}

function filesAt(value: JsonValue, where: string): CertificateFiles {
  const json = objectAt(value, where);
  const file = (name: string) => textAt(json[name], `${where}.${name}`) || undefined;
  const certificateFile = file("certificate_file");
  const privateKeyFile = file("private_key_file");
  if ((certificateFile === undefined) !== (privateKeyFile === undefined)) {
    throw wrong(where, "certificate_file and private_key_file need each other");
  }
  return {
    certificateFile,
    privateKeyFile,
    caCertificateFile: file("ca_certificate_file"),
    refreshMs: refreshAt(json.refresh_interval, `${where}.refresh_interval`),
  };
}

function refreshAt(value: JsonValue | undefined, where: string): number {
  if (value === undefined) return REFRESH_MS;
  if (typeof value === "string" && /^\d{1,12}(\.\d{1,9})?s$/.test(value)) {
    return Math.max(1, Number(value.slice(0, -1)) * 1_000);
  }
  throw wrong(where, `${JSON.stringify(value)} is not a duration such as "600s"`);
}

function objectAt(value: JsonValue | undefined, where: string): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw wrong(where, "it must be an object");
}

function listAt(value: JsonValue | undefined, where: string): JsonValue[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  throw wrong(where, "it must be a list");
}

function textAt(value: JsonValue | undefined, where: string): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  throw wrong(where, "it must be a text");
}

function wrong(where: string, what: string): TypeError {
  return new TypeError(`Cannot parse the xDS bootstrap: ${where}: ${what}`);
}
