/**
 * SETTINGS (RFC 9113 §6.5): what this side announces, and what the peer allows.
 *
 * @module
 */

import type { HpackDecoder } from "../hpack/decoder.ts";
import type { HpackEncoder } from "../hpack/encoder.ts";
import { PeerEvent } from "../limits/peer_budget.ts";
import {
  DEFAULT_FRAME_BYTES,
  DEFAULT_HEADER_TABLE_BYTES,
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  Flag,
  MAX_FRAME_BYTES,
  MAX_WINDOW_BYTES,
  PREFACE,
  SettingId,
} from "./constants.ts";
import { type ConnectionContext, readU32 } from "./context.ts";
import { writeSettings, writeSettingsAck } from "./frame_writer.ts";
import type { ReceiveWindow } from "./receive_window.ts";
import type { SendScheduler } from "./send_scheduler.ts";
import type { StreamTable } from "./stream_table.ts";

// Largest number of entries accepted in one SETTINGS frame; nghttp2 has the same limit.
const MAX_ENTRIES = 32;
const ENTRY_BYTES = 6;
// Largest DATA payload sent, in octets: longer frames are no faster, and delay the other streams.
const MAX_SENT_FRAME_BYTES = 65_536;

/** Collaborators of {@link Settings}. */
export interface SettingsParts {
  /** Open streams, whose windows INITIAL_WINDOW_SIZE changes. */
  readonly streams: StreamTable;
  /** Send scheduler, which applies the peer's SETTINGS_MAX_FRAME_SIZE. */
  readonly sender: SendScheduler;
  /** Receive flow control of the connection; holds the INITIAL_WINDOW_SIZE that this side sent. */
  readonly receiveWindow: ReceiveWindow;
  /** HPACK encoder, which applies the peer's SETTINGS_HEADER_TABLE_SIZE. */
  readonly encoder: HpackEncoder;
  /** HPACK decoder, which applies this side's SETTINGS_HEADER_TABLE_SIZE. */
  readonly decoder: HpackDecoder;
}

/** SETTINGS of both sides, and the time limits of their exchange. */
export class Settings {
  /** Whether the peer's first SETTINGS arrived. */
  received = false;
  /** Number of streams that the peer allows this side to have open. */
  peerMaxStreams = Infinity;
  /** The peer's SETTINGS_INITIAL_WINDOW_SIZE. */
  peerInitialWindow = DEFAULT_WINDOW_BYTES;
  /** The peer's SETTINGS_MAX_HEADER_LIST_SIZE. */
  peerMaxHeaderListBytes = Infinity;
  readonly #context: ConnectionContext;
  readonly #parts: SettingsParts;
  #unacknowledged = 0;
  #prefaceMs: number;
  #ackMs: number;

  /** Writes this side's preface (RFC 9113 §3.4). */
  constructor(context: ConnectionContext, parts: SettingsParts) {
    this.#context = context;
    this.#parts = parts;
    this.#writePreface();
    this.#prefaceMs = context.nowMs + context.options.prefaceTimeoutMs;
    this.#ackMs = context.nowMs + context.options.settingsTimeoutMs;
  }

  #writePreface(): void {
    const { options, out, role } = this.#context;
    const settings: [number, number][] = [];
    const add = (id: number, value: number, initial: number) => {
      if (value !== initial) settings.push([id, value]);
    };
    add(SettingId.HEADER_TABLE_SIZE, options.headerTableBytes, DEFAULT_HEADER_TABLE_BYTES);
    if (role === "client") {
      out.bytes(PREFACE);
      settings.push([SettingId.ENABLE_PUSH, 0]);
    } else {
      settings.push([SettingId.MAX_CONCURRENT_STREAMS, options.maxConcurrentStreams]);
    }
    add(SettingId.INITIAL_WINDOW_SIZE, options.initialWindowBytes, DEFAULT_WINDOW_BYTES);
    add(SettingId.MAX_FRAME_SIZE, options.maxFrameBytes, DEFAULT_FRAME_BYTES);
    settings.push([SettingId.MAX_HEADER_LIST_SIZE, options.maxHeaderListBytes]);
    writeSettings(out, settings);
    this.#unacknowledged = 1;
    this.#parts.receiveWindow.open();
  }

  /**
   * Receive window of new streams in octets: at least the protocol's default until the peer acknowledges this side's
   * SETTINGS.
   */
  get initialWindow(): number {
    const { streamWindow } = this.#parts.receiveWindow;
    return this.#unacknowledged === 0 ? streamWindow : Math.max(streamWindow, DEFAULT_WINDOW_BYTES);
  }

  /** Earlier deadline of the peer's preface and of its acknowledgement of this side's SETTINGS, in ms. */
  get nextMs(): number {
    return Math.min(this.#prefaceMs, this.#ackMs);
  }

  /** Ends the connection when the peer's preface or its SETTINGS acknowledgement is overdue. */
  onTimer(nowMs: number): void {
    const { options } = this.#context;
    if (nowMs >= this.#prefaceMs) {
      this.#context.violation(`No preface within ${options.prefaceTimeoutMs} ms`);
    } else if (nowMs >= this.#ackMs) {
      this.#context.connectionError(
        ErrorCode.SETTINGS_TIMEOUT,
        `SETTINGS were not acknowledged within ${options.settingsTimeoutMs} ms`,
      );
    }
  }

  /** Adds `growth` octets, just announced in SETTINGS, to the receive windows of all open streams. */
  onWindowGrowth(growth: number): void {
    // This acknowledgement has no time limit: it is queued behind the peer's data, which may be slow to arrive.
    this.#unacknowledged++;
    for (const stream of this.#parts.streams.open.values()) stream.recvWindow += growth;
  }

  /** Handles a SETTINGS frame. */
  onFrame(flags: number, id: number, buffer: Uint8Array, start: number, end: number): void {
    const context = this.#context;
    const length = end - start;
    if (id !== 0) return context.violation(`Received SETTINGS on stream ${id}`);
    if (flags & Flag.ACK) return this.#onAck(length);
    if (length % ENTRY_BYTES !== 0) {
      return context.connectionError(
        ErrorCode.FRAME_SIZE_ERROR,
        `Received SETTINGS of ${length} bytes: must be a multiple of 6`,
      );
    }
    if (length > MAX_ENTRIES * ENTRY_BYTES) {
      return context.connectionError(
        ErrorCode.ENHANCE_YOUR_CALM,
        `Received ${length / ENTRY_BYTES} SETTINGS entries: the limit is ${MAX_ENTRIES}`,
      );
    }
    context.charge(PeerEvent.SETTING);
    for (let at = start; at < end && !context.finished; at += ENTRY_BYTES) {
      if (at > start) context.charge(PeerEvent.SETTING);
      if (context.finished) return;
      this.#apply(buffer[at] << 8 | buffer[at + 1], readU32(buffer, at + 2));
    }
    if (context.finished) return;
    context.countControlFrame();
    writeSettingsAck(context.out);
    this.received = true;
    this.#prefaceMs = Infinity;
    context.handler.onSettings();
    this.#parts.sender.pump();
  }

  #onAck(length: number): void {
    const context = this.#context;
    if (length !== 0) {
      return context.connectionError(
        ErrorCode.FRAME_SIZE_ERROR,
        `Received a SETTINGS acknowledgement of ${length} bytes: must be empty`,
      );
    }
    if (this.#unacknowledged === 0) {
      context.charge(PeerEvent.UNEXPECTED_SETTINGS_ACK);
    } else {
      this.#unacknowledged--;
      this.#ackMs = Infinity;
    }
    // A HEADER_TABLE_SIZE below the default takes effect when the peer acknowledges it (RFC 7541 §4.2).
    this.#parts.decoder.setMaxTableBytes(context.options.headerTableBytes);
  }

  #apply(id: number, value: number): void {
    const { sender, encoder } = this.#parts;
    switch (id) {
      case SettingId.HEADER_TABLE_SIZE:
        // The encoder uses at most 4 KiB of the peer's table size, because its copy of the table takes memory here.
        encoder.setPeerMaxTableBytes(Math.min(value, DEFAULT_HEADER_TABLE_BYTES));
        return;
      case SettingId.ENABLE_PUSH:
        if (value > 1 || (value === 1 && this.#context.role === "client")) {
          this.#context.violation(`SETTINGS_ENABLE_PUSH is ${value}`);
        }
        return;
      case SettingId.MAX_CONCURRENT_STREAMS:
        this.peerMaxStreams = value;
        return;
      case SettingId.MAX_HEADER_LIST_SIZE:
        this.peerMaxHeaderListBytes = value;
        return;
      case SettingId.INITIAL_WINDOW_SIZE:
        return this.#applyInitialWindow(value);
      case SettingId.MAX_FRAME_SIZE:
        if (value < DEFAULT_FRAME_BYTES || value > MAX_FRAME_BYTES) {
          return this.#context.violation(
            `SETTINGS_MAX_FRAME_SIZE is ${value}: must be 16384 to 16777215`,
          );
        }
        sender.maxFrameBytes = Math.min(value, MAX_SENT_FRAME_BYTES);
    }
  }

  // RFC 9113 §6.9.2: changes the windows of all open streams, which may become negative.
  #applyInitialWindow(value: number): void {
    const { streams, sender } = this.#parts;
    if (value > MAX_WINDOW_BYTES) {
      return this.#context.connectionError(
        ErrorCode.FLOW_CONTROL_ERROR,
        `SETTINGS_INITIAL_WINDOW_SIZE is ${value}: must be at most 2147483647`,
      );
    }
    const change = value - this.peerInitialWindow;
    this.peerInitialWindow = value;
    for (const stream of streams.open.values()) {
      stream.sendWindow += change;
      if (stream.sendWindow > MAX_WINDOW_BYTES) {
        return this.#context.connectionError(
          ErrorCode.FLOW_CONTROL_ERROR,
          "A change of SETTINGS_INITIAL_WINDOW_SIZE overflows a stream's window",
        );
      }
      if (change > 0) sender.mark(stream); // sent after the acknowledgement
    }
  }
}
