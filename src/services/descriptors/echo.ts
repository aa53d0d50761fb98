/**
 * Descriptors and messages of `vrpc.echo.v1.EchoService`, which `addEcho` of `@vrpc/vrpc/services` adds to a server.
 *
 * ```ts
 * import { connect } from "@vrpc/vrpc";
 * import { EchoService } from "@vrpc/vrpc/services/echo";
 *
 * await using channel = connect("127.0.0.1:50051");
 * const reply = await channel.client(EchoService).echo({ payload: new TextEncoder().encode("hi") });
 * ```
 *
 * @module
 */

export * from "../../../proto/gen/vrpc/echo/v1/echo_pb.ts";
