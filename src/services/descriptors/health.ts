/**
 * Descriptors and messages of `grpc.health.v1.Health`, which `addHealth` of `@vrpc/vrpc/services` adds to a server.
 *
 * ```ts
 * import { connect } from "@vrpc/vrpc";
 * import { Health, HealthCheckResponse_ServingStatus } from "@vrpc/vrpc/services/health";
 *
 * await using channel = connect("127.0.0.1:50051");
 * const { status } = await channel.client(Health).check({ service: "" });
 * console.log(status === HealthCheckResponse_ServingStatus.SERVING);
 * ```
 *
 * @module
 */

export * from "../../../proto/gen/grpc/health/v1/health_pb.ts";
