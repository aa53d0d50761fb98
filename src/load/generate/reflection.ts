/**
 * Types of a service from the reflection of its server.
 *
 * @module
 */

import type { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import { RpcError } from "../../errors.ts";
import type { Channel } from "../../rpc/channel/channel.ts";
import { reflectServices } from "../../services/reflection_client.ts";
import type { Types } from "../../schema/types.ts";
import { unknownService } from "./method_source.ts";

/**
 * Reads the types of `service`, with the metadata that the server may require. Rejects with TypeError when the server has no such service (with the nearest
 * name) or no reflection, with RpcError when it can't be reached.
 */
export async function reflect(
  channel: Channel,
  service: string,
  timeoutMs: number,
  metadata?: Metadata,
): Promise<Types> {
  try {
    const types = await reflectServices(channel, { timeoutMs, metadata });
    const { services } = types;
    if (!services.includes(service)) throw new TypeError(unknownService(service, services));
    return types;
  } catch (error) {
    if (error instanceof RpcError && error.code === Status.UNIMPLEMENTED) {
      throw new TypeError("The server has no reflection: pass its types with --proto");
    }
    throw error;
  }
}
