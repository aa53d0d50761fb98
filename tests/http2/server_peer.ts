/** A server's engine whose client is a test that writes frames by hand. */

import type { ServerCall } from "../../src/call/wire.ts";
import { GrpcServerConnection, type GrpcServerOptions } from "../../src/grpc/server.ts";
import { type Frame, join, parse } from "./frames.ts";

/** The server; `send` passes it frames of a client and returns its own. */
export class Server {
  readonly calls: ServerCall[] = [];
  readonly engine: GrpcServerConnection;
  nowMs = 0;
  /** `done`: handlers end when their calls are cancelled. */
  constructor(options: GrpcServerOptions = {}, done = false) {
    const onCall = (call: ServerCall) => {
      this.calls.push(call);
      call.sink = {
        onMessage() {},
        onHalfClose() {},
        onWritable() {},
        onCancel: () => done && call.handlerDone(),
      };
    };
    this.engine = new GrpcServerConnection({ onCall }, options, 0);
  }

  /** Frames of the client arrive. */
  send(...parts: Uint8Array[]): Frame[] {
    const bytes = join(...parts);
    this.engine.receive(bytes, this.nowMs);
    return this.output();
  }

  /** Frames of the server. */
  output(): Frame[] {
    const frames = parse(this.engine.out.view().slice());
    this.engine.out.clear();
    this.engine.outputDrained(this.nowMs);
    return frames;
  }
}

/** 32 bits of a frame's payload. */
export const codeOf = (f: Frame | undefined, at: number) =>
  f && new DataView(f.payload.buffer, f.payload.byteOffset).getUint32(at);
/** Error code of the first GOAWAY. */
export const goawayCode = (frames: Frame[]) => codeOf(frames.find((f) => f.type === 7), 4);
/** Error code of the first RST_STREAM. */
export const rstCode = (frames: Frame[]) => codeOf(frames.find((f) => f.type === 3), 0);
