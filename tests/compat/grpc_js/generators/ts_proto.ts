/**
 * Serves and calls the code of ts-proto.
 *
 * @module
 */

import * as grpc from "@grpc/grpc-js";
import { checkClient, greeter, startServer } from "./callback_greeter.ts";
import { GreeterClient, type GreeterServer, GreeterService } from "./gen/ts_proto/greet.ts";

const handlers: GreeterServer = { ...greeter };
const { server, address } = await startServer(GreeterService, handlers);
const client = new GreeterClient(address, grpc.credentials.createInsecure());
await checkClient(client);
client.close();
server.forceShutdown();
