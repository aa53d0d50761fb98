/**
 * Frames other than DATA, HEADERS and CONTINUATION (RFC 9113 sections 6.3 to 6.9), and the goodbye.
 *
 * @module
 */

import { ConnectionCore } from "./connection_core.ts";
import {
  ErrorCode,
  errorCodeName,
  Flag,
  MAX_FRAME_BYTES,
  MAX_WINDOW_BYTES,
  SettingId,
} from "./constants.ts";
import { writeGoaway, writePing, writeSettingsAck } from "./frame_writer.ts";
import { BDP_PING } from "./receive_window.ts";
import { Timer } from "./timers.ts";

// nghttp2's limit.
const MAX_SETTINGS = 32;
const DRAIN_PING = [0x76727063, 0x64726e31] as const;

/** The control frames of a connection. */
export abstract class ControlFrames extends ConnectionCore {
  protected isIdle(id: number): boolean {
    const ours = (id & 1) === (this.role === "client" ? 1 : 0);
    return ours ? id >= this.nextId || this.role === "server" : id > this.lastPeerId;
  }

  protected frameSize(what: string, wanted: number, start: number, end: number): boolean {
    if (end - start === wanted) return true;
    this.connectionError(
      ErrorCode.FRAME_SIZE_ERROR,
      `${what} of ${end - start} bytes arrived, it must have ${wanted}`,
    );
    return false;
  }

  protected takePriority(id: number, buffer: Uint8Array, start: number, end: number): void {
    if (id === 0) return this.violation("PRIORITY came on stream 0");
    this.charge();
    const stream = this.streams.get(id);
    if (end - start !== 5) {
      if (stream !== undefined) {
        this.streamError(stream, ErrorCode.FRAME_SIZE_ERROR, "PRIORITY must have 5 bytes");
      } else {
        this.resetUnknown(id, ErrorCode.FRAME_SIZE_ERROR);
      }
      return;
    }
    if ((readU32(buffer, start) & 0x7fffffff) !== id) return;
    if (stream !== undefined) {
      this.streamError(stream, ErrorCode.PROTOCOL_ERROR, "A stream depends on itself");
    } else this.resetUnknown(id, ErrorCode.PROTOCOL_ERROR);
  }

  protected takeRstStream(id: number, buffer: Uint8Array, start: number, end: number): void {
    if (id === 0) return this.violation("RST_STREAM came on stream 0");
    if (!this.frameSize("RST_STREAM", 4, start, end)) return;
    if (this.isIdle(id)) return this.violation(`RST_STREAM came on stream ${id}, which is idle`);
    const code = readU32(buffer, start);
    const stream = this.streams.get(id);
    if (this.role === "client") {
      // A stream of ours can be reset but once; whatever the server's reason, that is no attack.
      if (stream === undefined) this.charge();
    } else if (code !== ErrorCode.NO_ERROR || stream !== undefined) {
      // A reset that only says "I need no more" after a complete response costs the peer nothing.
      this.chargeReset();
    }
    if (stream === undefined || this.finished) return;
    this.drop(stream);
    stream.onReset(code, true, `The peer reset the stream with ${errorCodeName(code)}`);
    this.handler.onStreamClosed(stream);
    this.sender.pump(); // what it had queued is gone: others may go on
    this.checkDrained();
  }

  protected takeSettings(
    flags: number,
    id: number,
    buffer: Uint8Array,
    start: number,
    end: number,
  ): void {
    if (id !== 0) return this.violation(`SETTINGS came on stream ${id}`);
    const length = end - start;
    if (flags & Flag.ACK) {
      if (length !== 0) this.frameSize("An acknowledgement of SETTINGS", 0, start, end);
      else this.onSettingsAck();
      return;
    }
    if (length % 6 !== 0) {
      return this.connectionError(
        ErrorCode.FRAME_SIZE_ERROR,
        `SETTINGS of ${length} bytes arrived, it must be a multiple of 6`,
      );
    }
    if (length > MAX_SETTINGS * 6) {
      return this.connectionError(
        ErrorCode.ENHANCE_YOUR_CALM,
        `SETTINGS of ${length / 6} entries arrived, limit is ${MAX_SETTINGS}`,
      );
    }
    this.charge();
    for (let at = start; at < end && !this.finished; at += 6) {
      // Each may have to be applied to every stream.
      if (at > start) this.charge();
      if (this.finished) return;
      this.applySetting(buffer[at] << 8 | buffer[at + 1], readU32(buffer, at + 2));
    }
    if (this.finished) return;
    this.queueControl();
    writeSettingsAck(this.out);
    if (!this.settingsReceived) {
      this.settingsReceived = true;
      this.timers.set(Timer.PREFACE, Infinity);
    }
    this.handler.onSettings();
    this.sender.pump();
  }

  protected onSettingsAck(): void {
    if (this.settingsUnacked === 0) return this.charge();
    this.settingsUnacked--;
    this.timers.set(Timer.SETTINGS_ACK, Infinity);
  }

  protected applySetting(id: number, value: number): void {
    switch (id) {
      case SettingId.HEADER_TABLE_SIZE:
        // What the peer offers beyond 4 KiB is not used: it would be memory of ours.
        this.encoder.setPeerMaxTableBytes(Math.min(value, 4096));
        return;
      case SettingId.ENABLE_PUSH:
        if (value > 1 || (value === 1 && this.role === "client")) {
          this.violation(`SETTINGS_ENABLE_PUSH is ${value}`);
        }
        return;
      case SettingId.MAX_CONCURRENT_STREAMS:
        this.peerMaxStreams = value;
        return;
      case SettingId.MAX_HEADER_LIST_SIZE:
        this.peerMaxHeaderListBytes = value;
        return;
      case SettingId.INITIAL_WINDOW_SIZE:
        return this.applyInitialWindow(value);
      case SettingId.MAX_FRAME_SIZE:
        if (value < 16_384 || value > MAX_FRAME_BYTES) {
          return this.violation(
            `SETTINGS_MAX_FRAME_SIZE is ${value}, it must be 16384 to 16777215`,
          );
        }
        // Larger frames gain nothing here, and would make turns between streams longer.
        this.sender.maxFrameBytes = Math.min(value, 65_536);
    }
  }

  protected applyInitialWindow(value: number): void {
    if (value > MAX_WINDOW_BYTES) {
      return this.connectionError(
        ErrorCode.FLOW_CONTROL_ERROR,
        `SETTINGS_INITIAL_WINDOW_SIZE is ${value}, it must be at most 2147483647`,
      );
    }
    const change = value - this.peerInitialWindow;
    this.peerInitialWindow = value;
    for (const stream of this.streams.values()) {
      stream.sendWindow += change;
      if (stream.sendWindow > MAX_WINDOW_BYTES) {
        return this.connectionError(
          ErrorCode.FLOW_CONTROL_ERROR,
          "A change of SETTINGS_INITIAL_WINDOW_SIZE overflows a stream's window",
        );
      }
      if (change > 0) this.sender.mark(stream); // sent behind the acknowledgement
    }
  }

  protected takePing(
    flags: number,
    id: number,
    buffer: Uint8Array,
    start: number,
    end: number,
  ): void {
    if (id !== 0) return this.violation(`PING came on stream ${id}`);
    if (!this.frameSize("PING", 8, start, end)) return;
    const high = readU32(buffer, start);
    const low = readU32(buffer, start + 4);
    if (flags & Flag.ACK) return this.onPingAck(high, low);
    this.charge();
    this.queueControl();
    writePing(this.out, true, high, low);
    if (
      this.role === "server" &&
      this.pings.isTooFast(this.nowMs, this.sender.framesSent, this.slots)
    ) {
      this.connectionError(ErrorCode.ENHANCE_YOUR_CALM, "too_many_pings");
    }
  }

  protected onPingAck(high: number, low: number): void {
    if (high === BDP_PING[0] && low === BDP_PING[1]) {
      const growth = this.receiveWindow.endSample();
      if (growth > 0) {
        // Not timed: this acknowledgement stands behind the peer's data, which may be slow to get through.
        this.settingsUnacked++;
        for (const stream of this.streams.values()) stream.recvWindow += growth;
      }
    } else if (high === DRAIN_PING[0] && low === DRAIN_PING[1]) {
      this.finalGoaway();
    } else if (!this.pings.onAck(high, low, this.nowMs)) this.charge();
  }

  protected takeGoaway(id: number, buffer: Uint8Array, start: number, end: number): void {
    if (id !== 0) return this.violation(`GOAWAY came on stream ${id}`);
    if (end - start < 8) {
      return this.connectionError(ErrorCode.FRAME_SIZE_ERROR, "GOAWAY must have 8 bytes or more");
    }
    const lastId = readU32(buffer, start) & 0x7fffffff;
    const code = readU32(buffer, start + 4);
    const debug = new TextDecoder().decode(buffer.subarray(start + 8, Math.min(end, start + 264)));
    this.charge();
    this.goawayReceived = true;
    if (code === ErrorCode.ENHANCE_YOUR_CALM && debug === "too_many_pings") this.pings.slowDown();
    this.handler.onGoaway(code, debug);
    if (this.role === "client") {
      for (const stream of [...this.streams.values()]) {
        if (stream.id <= lastId || !this.streams.has(stream.id)) continue;
        this.drop(stream);
        stream.onReset(
          ErrorCode.REFUSED_STREAM,
          true,
          `The server is going away (${errorCodeName(code)}${debug && ": " + debug})`,
        );
        this.handler.onStreamClosed(stream);
      }
      this.sender.pump();
    }
    this.checkDrained();
  }

  protected takeWindowUpdate(id: number, buffer: Uint8Array, start: number, end: number): void {
    if (!this.frameSize("WINDOW_UPDATE", 4, start, end)) return;
    this.progressMs = this.nowMs;
    const increment = readU32(buffer, start) & 0x7fffffff;
    this.charge();
    if (id === 0) {
      if (increment === 0) return this.violation("WINDOW_UPDATE of 0 came");
      this.sender.window += increment;
      if (this.sender.window > MAX_WINDOW_BYTES) {
        return this.connectionError(
          ErrorCode.FLOW_CONTROL_ERROR,
          "The connection's window overflows",
        );
      }
      return this.sender.resume(null);
    }
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.isIdle(id)) this.violation(`WINDOW_UPDATE came on stream ${id}, which is idle`);
      return;
    }
    if (increment === 0) {
      return this.streamError(stream, ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of 0 came");
    }
    stream.sendWindow += increment;
    if (stream.sendWindow > MAX_WINDOW_BYTES) {
      return this.streamError(
        stream,
        ErrorCode.FLOW_CONTROL_ERROR,
        "The stream's window overflows",
      );
    }
    this.sender.resume(stream);
  }

  /** Sends a ping; `onPong` is called when its answer arrives, never when the connection ends first. */
  ping(nowMs: number, onPong: (nowMs: number) => void): void {
    if (this.finished) return;
    this.nowMs = nowMs;
    this.pings.send(onPong);
    this.changed();
  }

  // ---- goodbye -----------------------------------------------------------------------------------------

  /**
   * Graceful drain (RFC 9113 section 6.8). A server announces GOAWAY with the largest identifier and a
   * ping; the answer, or 5 s, brings the true last identifier. Open streams finish, then `finished`.
   */
  drain(nowMs: number): void {
    if (this.draining || this.finished) return;
    this.nowMs = nowMs;
    this.draining = true;
    if (this.role === "server") {
      writeGoaway(this.out, 0x7fffffff, ErrorCode.NO_ERROR, "");
      writePing(this.out, false, DRAIN_PING[0], DRAIN_PING[1]);
      this.timers.set(Timer.DRAIN_PING, nowMs + 5_000);
    }
    this.checkDrained();
    this.changed();
  }

  protected finalGoaway(): void {
    if (this.goawaySentLast >= 0 || !this.draining) return;
    this.timers.set(Timer.DRAIN_PING, Infinity);
    this.goawaySentLast = this.lastPeerId;
    writeGoaway(this.out, this.lastPeerId, ErrorCode.NO_ERROR, "");
    this.checkDrained();
    this.changed();
  }
}

function readU32(buffer: Uint8Array, at: number): number {
  return (buffer[at] << 24 | buffer[at + 1] << 16 | buffer[at + 2] << 8 | buffer[at + 3]) >>> 0;
}
