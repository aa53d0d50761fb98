/**
 * TLS of clusters and filter chains, by certificate providers (gRPC A29, A82).
 *
 * @module
 */

import type { TransportSocket } from "../../../proto/gen/envoy/config/core/v3/core_pb.ts";
import {
  type CertificateValidationContext,
  type CommonTlsContext,
  DownstreamTlsContext_OcspStaplePolicy as OcspPolicy,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "../../../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import { unpack } from "./any.ts";
import type { Side } from "./http_filters.ts";
import { stringMatcher } from "./matchers.ts";
import { invalid } from "./resource_error.ts";
import type { SecurityConfig } from "./types.ts";

const SOCKET_NAME = "envoy.transport_sockets.tls";

/** Parses the transport socket of a cluster; undefined for none. Throws ResourceError. */
export function upstreamSecurity(
  socket: TransportSocket | undefined,
  instances: ReadonlySet<string>,
): SecurityConfig | undefined {
  if (socket === undefined) return undefined;
  const field = "transport_socket";
  const message = unpack(UpstreamTlsContextSchema, configOf(socket, field), field);
  const common = message.commonTlsContext;
  if (common === undefined) return invalid(field, "common_tls_context is missing");
  const config = parseCommon(common, "client", instances, `${field}.common_tls_context`);
  if (config.rootInstance === undefined && !config.useSystemRoots) {
    invalid(field, "it names no provider of root certificates");
  }
  return config;
}

/** Parses the transport socket of a filter chain; undefined for none. Throws ResourceError. */
export function downstreamSecurity(
  socket: TransportSocket | undefined,
  instances: ReadonlySet<string>,
  field: string,
): SecurityConfig | undefined {
  if (socket === undefined) return undefined;
  const message = unpack(DownstreamTlsContextSchema, configOf(socket, field), field);
  if (message.requireSni === true) invalid(`${field}.require_sni`, "it is not supported");
  if (message.ocspStaplePolicy !== OcspPolicy.LENIENT_STAPLING) {
    invalid(`${field}.ocsp_staple_policy`, "it is not supported");
  }
  const common = message.commonTlsContext;
  if (common === undefined) return invalid(field, "common_tls_context is missing");
  const config = parseCommon(common, "server", instances, `${field}.common_tls_context`);
  if (config.identityInstance === undefined) {
    invalid(field, "it names no provider of the server's certificate");
  }
  const requireClientCertificate = message.requireClientCertificate ?? false;
  if (requireClientCertificate && config.rootInstance === undefined) {
    invalid(field, "client certificates are required, but there is no provider of roots");
  }
  return { ...config, requireClientCertificate };
}

function configOf(socket: TransportSocket, field: string) {
  if (socket.name !== SOCKET_NAME) {
    invalid(`${field}.name`, `${JSON.stringify(socket.name)} is not ${SOCKET_NAME}`);
  }
  return socket.configType.case === "typedConfig" ? socket.configType.value : undefined;
}

function parseCommon(
  common: CommonTlsContext,
  side: Side,
  instances: ReadonlySet<string>,
  field: string,
): SecurityConfig {
  const { validationContextType: validation } = common;
  const deprecated = common.tlsCertificateCertificateProviderInstance;
  const identity = common.tlsCertificateProviderInstance ?? deprecated;
  if (common.tlsParams !== undefined) invalid(`${field}.tls_params`, "it is not supported");
  if (common.customHandshaker !== undefined) {
    invalid(`${field}.custom_handshaker`, "it is not supported");
  }
  if (identity === undefined && common.tlsCertificates.length > 0) {
    invalid(`${field}.tls_certificates`, "only certificate providers are supported");
  }
  if (identity === undefined && common.tlsCertificateSdsSecretConfigs.length > 0) {
    invalid(`${field}.tls_certificate_sds_secret_configs`, "it is not supported");
  }
  const identityInstance = instanceName(identity, instances, field);
  const none = {
    identityInstance,
    rootInstance: undefined,
    useSystemRoots: false,
    subjectNames: [],
    requireClientCertificate: false,
  };
  switch (validation.case) {
    case undefined:
      return none;
    case "validationContext":
      return { ...none, ...parseValidation(validation.value, side, instances, field) };
    case "combinedValidationContext": {
      const combined = validation.value;
      const context = combined.defaultValidationContext;
      const older = instanceName(
        combined.validationContextCertificateProviderInstance,
        instances,
        field,
      );
      if (context === undefined && older === undefined) {
        invalid(field, "default_validation_context is missing");
      }
      return { ...none, ...parseValidation(context, side, instances, field, older) };
    }
    case "validationContextCertificateProviderInstance":
      return { ...none, rootInstance: instanceName(validation.value, instances, field) };
    default:
      return invalid(field, `the validation context ${validation.case} is not supported`);
  }
}

function parseValidation(
  context: CertificateValidationContext | undefined,
  side: Side,
  instances: ReadonlySet<string>,
  field: string,
  olderRoots?: string,
): Pick<SecurityConfig, "rootInstance" | "useSystemRoots" | "subjectNames"> {
  if (context === undefined) {
    return { rootInstance: olderRoots, useSystemRoots: false, subjectNames: [] };
  }
  const unsupported = context.verifyCertificateSpki.length > 0 ||
    context.verifyCertificateHash.length > 0 ||
    context.requireSignedCertificateTimestamp === true ||
    context.crl !== undefined || context.customValidatorConfig !== undefined;
  if (unsupported) invalid(`${field}.validation_context`, "it has a field that is not supported");
  const named = instanceName(context.caCertificateProviderInstance, instances, field);
  const rootInstance = named ?? olderRoots;
  const useSystemRoots = rootInstance === undefined && context.systemRootCerts !== undefined;
  if (useSystemRoots && side === "server") invalid(field, "servers can't use system_root_certs");
  if (rootInstance === undefined && !useSystemRoots) {
    invalid(`${field}.validation_context`, "it names no provider of root certificates");
  }
  const subjectNames = context.matchSubjectAltNames.map((one, i) =>
    stringMatcher(one, `${field}.match_subject_alt_names[${i}]`)
  );
  if (side === "server" && subjectNames.length > 0) {
    invalid(`${field}.match_subject_alt_names`, "it is not supported on servers");
  }
  return { rootInstance, useSystemRoots, subjectNames };
}

function instanceName(
  instance: { readonly instanceName: string } | undefined,
  instances: ReadonlySet<string>,
  field: string,
): string | undefined {
  if (instance === undefined) return undefined;
  const { instanceName: name } = instance;
  if (!instances.has(name)) {
    invalid(field, `the bootstrap has no certificate provider ${JSON.stringify(name)}`);
  }
  return name;
}
