/**
 * The server that `vrpc repl` talks to: its channel by the settings, and what is known of its methods.
 *
 * @module
 */

import type { Channel, ChannelOptions, Metadata } from "../../../mod.ts";
import { type Reflected, reflectServices } from "../../../src/services/mod.ts";
import { closeSoon } from "../../shared/waits.ts";
import { readMetadata } from "../headers.ts";
import { allTypes, type ListedMethod, listMethods, type Lookup } from "../lookup.ts";
import type { Trace } from "../trace.ts";
import type { Known } from "./completion.ts";
import { keyOf, type Settings } from "./settings.ts";

/** How the server is reached. */
export interface ServerOptions {
  /** Opens a channel with the wire of the settings. Throws UsageError. */
  open(settings: Settings, observer: ChannelOptions["observer"]): Promise<Channel>;
  readonly settings: Settings;
  /** Types from files. */
  readonly given: Reflected | undefined;
  readonly connectTimeoutMs: number;
  readonly lookupTimeoutMs: number;
  readonly expandHeaders: boolean;
}

/** A server by its settings. */
export class Server {
  readonly settings: Settings;
  /** Records the call that runs. */
  trace: Trace | undefined;
  readonly #options: ServerOptions;
  #channel: Channel | undefined;
  #types: Promise<Reflected> | undefined;
  #methods: Promise<ListedMethod[]> | undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.settings = options.settings;
  }

  /** Connects by the settings, in place of an earlier connection. Rejects with RpcError; a later call tries again. */
  async connect(): Promise<void> {
    const before = this.#channel;
    this.#channel = await this.#options.open(this.settings, {
      started: (...call) => this.trace?.observer.started(...call),
    });
    this.reload();
    if (before !== undefined) await closeSoon(before);
    await this.#channel.ready({ timeoutMs: this.#options.connectTimeoutMs });
  }

  /** Forgets the methods, which are then read again. */
  reload(): void {
    this.#types = undefined;
    this.#methods = undefined;
  }

  /** Metadata of the settings. */
  metadata(): Promise<Metadata> {
    return readMetadata(this.settings.headers, this.#options.expandHeaders);
  }

  /** Returns what lookups need. */
  async lookup(): Promise<Lookup> {
    const { given, lookupTimeoutMs: timeoutMs } = this.#options;
    const options = { metadata: await this.metadata(), timeoutMs };
    const channel = this.#channel!;
    return {
      channel,
      wire: this.settings.wire,
      options,
      given,
      reflect: () => {
        this.#types ??= reflectServices(channel, options).catch((error) => {
          this.#types = undefined;
          throw error;
        });
        return this.#types;
      },
    };
  }

  /** Returns the methods of the server. Rejects with RpcError. */
  methods(): Promise<ListedMethod[]> {
    this.#methods ??= this.lookup().then(listMethods).catch((error) => {
      this.#methods = undefined;
      throw error;
    });
    return this.#methods;
  }

  /** Returns what is known of the server; nothing of one that does not tell. */
  async known(): Promise<Known> {
    const methods = await this.methods().catch(() => []);
    const types = await this.lookup().then(allTypes).catch(() => undefined);
    return {
      methods: methods.map(({ name }) => name),
      registry: types?.registry,
      services: types?.services ?? [],
      headers: this.settings.headers.map(keyOf),
    };
  }

  async close(): Promise<void> {
    if (this.#channel !== undefined) await closeSoon(this.#channel);
  }
}
