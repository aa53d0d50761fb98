/**
 * Ready-made services, each added to a router with one call:
 *
 * - {@link addEcho}: returns payloads with the server's times;
 * - {@link addCrypto}: signs with keys that stay on the server;
 * - {@link addLoadReports}: tells clients how busy the server is;
 * - {@link addHealth}: `grpc.health.v1`;
 * - {@link addChannelz}: `grpc.channelz.v1`, the channels and connections of the process;
 * - {@link addReflection}: `grpc.reflection`, for grpcurl and similar tools.
 *
 * Clients find the descriptors of these services at `./services/echo`, `./services/crypto`, `./services/enclave`,
 * `./services/health` and `./services/channelz`.
 *
 * @module
 */

export { addEcho } from "./echo.ts";
export {
  addCrypto,
  type CryptoOptions,
  type CryptoServiceHandle,
  MAX_SIGNATURE_BYTES,
  MAX_SIGNED_DATA_BYTES,
} from "./crypto.ts";
export { type CryptoKeys, type EncodedKeyPair, generateCryptoKeys } from "./crypto_keys.ts";
export type { SigningKeyType } from "./signature_suites.ts";
export { chooseCryptoBackend } from "./crypto_backend.ts";
export type { CryptoBackend } from "./signer.ts";
export { addEnclave, reverseGraphemes } from "./enclave.ts";
export { addLoadReports, type LoadReportOptions } from "./load_reports.ts";
export type { LoadReport } from "../rpc/balancer/orca.ts";
export { addChannelz, enableChannelz } from "./channelz.ts";
export { addHealth, type HealthService, type HealthStatus } from "./health.ts";
export { addReflection, type ReflectionOptions } from "./reflection.ts";
export type { DescriptorLimits } from "../schema/limits.ts";
export {
  type Reflected,
  type ReflectOptions,
  reflectServices,
  reflectSymbol,
} from "./reflection_client.ts";
