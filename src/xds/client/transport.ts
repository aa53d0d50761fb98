/**
 * Streams to servers of the control plane, over the project's own gRPC channels.
 *
 * @module
 */

import type { DiscoveryRequest } from "../../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts";
import {
  AggregatedDiscoveryService,
  type DiscoveryResponse,
} from "../../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts";
import { textOf, toError } from "../../errors.ts";
import { connect } from "../../rpc/channel/channel.ts";
import { watchTls } from "../../transport/tls_watch.ts";
import type { XdsServer } from "./bootstrap.ts";

/** Receives the events of a stream. */
export interface AdsStreamHandlers {
  onResponse(response: DiscoveryResponse): void;
  /** Called once, when the stream has ended, unless it was closed by this side. */
  onEnd(error: Error): void;
}

/** A stream to a server. */
export interface AdsStream {
  send(request: DiscoveryRequest): void;
  /** Cancels the stream. */
  close(): void;
}

/** The connection to one server, over which one stream after another is opened. */
export interface AdsChannel {
  open(handlers: AdsStreamHandlers): AdsStream;
  close(): void;
}

/** Makes connections to servers. */
export type AdsTransport = (server: XdsServer) => AdsChannel;

const KEEPALIVE_MS = 300_000;

/** Connects to a server of the control plane. Throws TypeError if its files of TLS can't be read. */
export function connectServer(server: XdsServer): AdsChannel {
  const { tls: files } = server;
  const watch = typeof files === "object"
    ? watchTls({
      cert: files.certificateFile,
      key: files.privateKeyFile,
      ca: files.caCertificateFile,
      pollMs: files.refreshMs,
    })
    : undefined;
  const channel = connect(server.uri, {
    tls: watch ?? (files === "system" ? true : undefined),
    poolSize: 1,
    keepaliveTimeMs: KEEPALIVE_MS,
    maxReceiveMessageBytes: Infinity,
  });
  const client = channel.client(AggregatedDiscoveryService);
  return {
    open(handlers) {
      const session = client.streamAggregatedResources();
      let open = true;
      const end = (error: unknown) => {
        if (!open) return;
        open = false;
        session.cancel();
        handlers.onEnd(
          new Error(`The control plane ${server.uri}: ${textOf(error)}`, { cause: toError(error) }),
        );
      };
      const receive = async () => {
        for (;;) {
          const response = await session.receive();
          if (!open) return;
          if (response === null) return end(new Error("it has ended the stream"));
          handlers.onResponse(response);
        }
      };
      receive().catch(end);
      return {
        send(request) {
          // A failure ends the stream, which `receive` reports.
          session.send(request).catch(() => {});
        },
        close() {
          open = false;
          session.cancel();
        },
      };
    },
    close() {
      watch?.close();
      channel.close().catch(() => {});
    },
  };
}
