import { ByteWriter } from "../../../src/bytes/writer.ts";
import type { ConnectionEngine } from "../../../src/call/wire.ts";

/** An engine that accepts any input, whose output is what a test puts into `out`. */
export function silentEngine(): ConnectionEngine & {
  finished: boolean;
  wantsRead: boolean;
  lost: string[];
  drained: number;
} {
  return {
    out: new ByteWriter(),
    onOutput() {},
    receive() {},
    receiveEnd() {},
    transportLost(reason) {
      this.lost.push(reason);
    },
    outputDrained() {
      this.drained++;
    },
    nextTimerMs: () => Infinity,
    onTimer() {},
    wantsRead: true,
    finished: false,
    bufferedBytes: 0,
    lost: [],
    drained: 0,
  };
}
