/**
 * Server-streaming calls that a balancer makes on a connection of its choice.
 *
 * @module
 */

import { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { ClientCall } from "../../call/wire.ts";
import type { SubchannelStream } from "../balancer/types.ts";
import type { OpenClientCall } from "../core/open_calls.ts";
import type { Connection } from "./connection.ts";

// Reports of servers are small.
const MAX_MESSAGE_BYTES = 65_536;

/** Opens the call on a connection that is free; returns a function that cancels it. */
export function openStream(connection: Connection, stream: SubchannelStream): () => void {
  const sink = new StreamSink(connection, stream);
  try {
    const call = connection.startCall({
      path: stream.path,
      metadata: new Metadata(),
      singleResponse: false,
      maxReceiveMessageBytes: MAX_MESSAGE_BYTES,
      requestStreams: false,
    }, sink);
    // The balancer's own calls are not in the statistics: a connection with nothing else is idle.
    connection.callsStarted--;
    sink.call = call;
    connection.ownCalls.add(sink);
    call.sendLastMessage(stream.request, false);
  } catch (error) {
    connection.engineFailed(error);
  }
  return () => sink.cancel();
}

class StreamSink implements OpenClientCall {
  openSlot = -1;
  call: ClientCall | undefined = undefined;
  #ended = false;

  constructor(readonly connection: Connection, readonly stream: SubchannelStream) {}

  onHeaders(): void {}
  onWritable(): void {}

  onMessage(message: Uint8Array, compressed: boolean): void {
    if (!this.#ended && !compressed) this.stream.onMessage(message);
  }

  onStatus(code: Status, message: string): void {
    if (this.#end()) this.stream.onEnd(code, message);
  }

  /** Ends the call because its connection starts to drain. */
  onDraining(): void {
    if (this.#ended) return;
    this.cancel();
    this.stream.onEnd(Status.UNAVAILABLE, "The connection is draining");
  }

  cancel(): void {
    if (!this.#end()) return;
    try {
      this.call?.cancel();
    } catch (error) {
      this.connection.engineFailed(error);
    }
  }

  #end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.connection.ownCalls.delete(this);
    this.connection.callOver(this);
    return true;
  }
}
