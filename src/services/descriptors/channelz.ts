/**
 * Descriptors and messages of `grpc.channelz.v1.Channelz`, which `addChannelz` of `@vrpc/vrpc/services` adds to a server.
 *
 * ```ts
 * import { connect } from "@vrpc/vrpc";
 * import { Channelz } from "@vrpc/vrpc/services/channelz";
 *
 * await using channel = connect("127.0.0.1:50051");
 * const { server } = await channel.client(Channelz).getServers({});
 * console.log(server.map(({ data }) => data?.callsStarted));
 * ```
 *
 * @module
 */

export * from "../../../proto/gen/grpc/channelz/v1/channelz_pb.ts";
