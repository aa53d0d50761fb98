/**
 * Serves and calls what proto-loader makes of `greet.proto`.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { checkClient, greeter, type GreeterClient, startServer } from "./callback_greeter.ts";

const loaded = loadSync(fileURLToPath(new URL("greet.proto", import.meta.url)));
const { v1 } = grpc.loadPackageDefinition(loaded).greet as grpc.GrpcObject;
const Greeter = (v1 as grpc.GrpcObject).Greeter as grpc.ServiceClientConstructor;
const { server, address } = await startServer(Greeter.service, { ...greeter });
const client = new Greeter(address, grpc.credentials.createInsecure());
await checkClient(client as unknown as GreeterClient);
client.close();
server.forceShutdown();
