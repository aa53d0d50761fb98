/** A client's engine whose server is a test that writes frames by hand. */

import { GrpcClientConnection, type GrpcClientOptions } from "../../src/grpc/client.ts";
import { Outcome, request } from "../grpc/pair.ts";
import { type Frame, join, parse, settings, settingsAck } from "./frames.ts";

/** The client; `send` passes it frames of a server and returns its own. */
export class Client {
  readonly notes: string[] = [];
  callEnds = 0;
  readonly engine: GrpcClientConnection;
  nowMs = 0;

  constructor(options: Partial<GrpcClientOptions> = {}, ...pairs: [number, number][]) {
    this.engine = new GrpcClientConnection(
      {
        onStateChange() {},
        onCallEnd: () => void this.callEnds++,
        onNote: (_, message) => void this.notes.push(message),
      },
      { ...options, authority: options.authority ?? "test" },
      0,
    );
    this.send(settings(...pairs), settingsAck());
  }

  /** Frames of the server arrive. */
  send(...parts: Uint8Array[]): Frame[] {
    this.engine.receive(join(...parts), this.nowMs);
    return this.output();
  }

  /** Frames of the client, without its preface. */
  output(): Frame[] {
    const bytes = this.engine.out.view().slice();
    this.engine.out.clear();
    this.engine.outputDrained(this.nowMs);
    return parse(bytes[0] === 0x50 ? bytes.subarray(24) : bytes);
  }

  /** Starts a call. */
  start(outcome = new Outcome(), path = "/a.B/C") {
    return this.engine.startCall(request(path), outcome);
  }
}
