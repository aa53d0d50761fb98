/**
 * `weighted_round_robin`: calls in proportion to the capacity that servers report (gRPC A58).
 *
 * @module
 */

import { type AddressEntry, AddressList, updateUnready } from "./address_list.ts";
import { booleanField, durationField, numberField, objectOf } from "./json_fields.ts";
import { decodeLoadReport, encodeLoadReportRequest, ORCA_STREAM, ORCA_TRAILER } from "./orca.ts";
import { ServerWeight } from "./server_weight.ts";
import { StrideScheduler } from "./stride_scheduler.ts";
import {
  type Balancer,
  type BalancerHost,
  type BalancerPolicyDefinition,
  type BalancerSubchannel,
  type BalancerUpdate,
  type Picker,
  SinglePicker,
} from "./types.ts";

/** Configuration of `weighted_round_robin`; times are ms. */
export interface WeightedRoundRobinConfig {
  /** Whether reports come from a stream to each server, instead of the trailers of calls. Default false. */
  readonly enableOobLoadReport: boolean;
  /** Interval of these reports. Default 10 s. */
  readonly oobReportingPeriodMs: number;
  /** Time in which a server must report before its weight is used. Default 10 s. */
  readonly blackoutPeriodMs: number;
  /** Time after which a weight without a report is not used any more. Default 3 min. */
  readonly weightExpirationPeriodMs: number;
  /** Interval at which weights are computed, 100 ms or more. Default 1 s. */
  readonly weightUpdatePeriodMs: number;
  /** Factor of errors per call in the load of a server. Default 1. */
  readonly errorUtilizationPenalty: number;
}

const MIN_UPDATE_MS = 100;

/** The policy `weighted_round_robin`. */
export const WEIGHTED_ROUND_ROBIN: BalancerPolicyDefinition<WeightedRoundRobinConfig> = {
  name: "weighted_round_robin",
  parseConfig(value) {
    const where = "weighted_round_robin";
    const json = objectOf(value, where);
    const time = (name: string, ms: number) => durationField(json, name, where, ms);
    return {
      enableOobLoadReport: booleanField(json, "enableOobLoadReport", where),
      oobReportingPeriodMs: time("oobReportingPeriod", 10_000),
      blackoutPeriodMs: time("blackoutPeriod", 10_000),
      weightExpirationPeriodMs: time("weightExpirationPeriod", 180_000),
      weightUpdatePeriodMs: Math.max(MIN_UPDATE_MS, time("weightUpdatePeriod", 1_000)),
      errorUtilizationPenalty: numberField(json, "errorUtilizationPenalty", where, 1),
    };
  },
  create: (host) => new WeightedRoundRobin(host),
};

/** What the policy keeps for an address. */
interface Server {
  readonly weight: ServerWeight;
  wasReady: boolean;
  stopReports: (() => void) | undefined;
  retry: unknown;
}

type Entry = AddressEntry<Server>;

// Wait before reports are asked for again after the stream has ended.
const STREAM_RETRY_MS = 1_000;

class WeightedRoundRobin implements Balancer<WeightedRoundRobinConfig> {
  readonly #host: BalancerHost;
  readonly #list: AddressList<Server>;
  #config!: WeightedRoundRobinConfig;
  #picker: WeightedRoundRobinPicker | undefined = undefined;
  #timer: unknown = undefined;
  #updating = false;

  constructor(host: BalancerHost) {
    this.#host = host;
    this.#list = new AddressList<Server>(
      host,
      (entry) => this.#changed(entry),
      () => ({
        weight: new ServerWeight(),
        wasReady: false,
        stopReports: undefined,
        retry: undefined,
      }),
      (entry) => (_code, trailers) => this.#callEnded(entry, trailers()?.get(ORCA_TRAILER)),
    );
  }

  update({ addresses, config }: BalancerUpdate<WeightedRoundRobinConfig>): void {
    this.#config = config;
    this.#updating = true;
    const former = new Set(this.#list.entries);
    this.#list.update(addresses);
    for (const entry of this.#list.entries) {
      former.delete(entry);
      entry.subchannel.connect();
      if (!config.enableOobLoadReport) this.#stopReports(entry);
      else if (entry.state === "READY") this.#startReports(entry);
    }
    for (const gone of former) this.#stopReports(gone);
    this.#updating = false;
    this.#rebuild();
  }

  close(): void {
    this.#updating = true;
    for (const entry of this.#list.entries) this.#stopReports(entry);
    this.#clearTimer();
    this.#list.close();
  }

  #changed(entry: Entry): void {
    const ready = entry.state === "READY";
    if (ready && !entry.data.wasReady) {
      entry.data.weight.restart();
      if (this.#config.enableOobLoadReport) this.#startReports(entry);
    } else if (!ready) {
      this.#stopReports(entry);
    }
    entry.data.wasReady = ready;
    if (!this.#updating) this.#rebuild();
  }

  #callEnded(entry: Entry, report: Uint8Array | undefined): void {
    if (report !== undefined && !this.#config.enableOobLoadReport) this.#report(entry, report);
  }

  #report(entry: Entry, bytes: Uint8Array): void {
    const report = decodeLoadReport(bytes);
    if (report === undefined) return;
    const { errorUtilizationPenalty } = this.#config;
    entry.data.weight.report(report, errorUtilizationPenalty, this.#host.clock.now());
  }

  #startReports(entry: Entry): void {
    const { data, subchannel } = entry;
    if (data.stopReports !== undefined || data.retry !== undefined) return;
    const again = () => {
      data.stopReports = undefined;
      data.retry = this.#host.clock.setTimer(() => {
        data.retry = undefined;
        if (entry.state === "READY" && this.#config.enableOobLoadReport) this.#startReports(entry);
      }, STREAM_RETRY_MS);
    };
    if (!subchannel.free) return again();
    data.stopReports = subchannel.stream({
      path: ORCA_STREAM,
      request: encodeLoadReportRequest(this.#config.oobReportingPeriodMs),
      onMessage: (message) => this.#report(entry, message),
      onEnd: again,
    });
  }

  #stopReports({ data }: Entry): void {
    data.stopReports?.();
    data.stopReports = undefined;
    if (data.retry !== undefined) this.#host.clock.clearTimer(data.retry);
    data.retry = undefined;
  }

  #rebuild(): void {
    this.#clearTimer();
    const { entries } = this.#list;
    const ready = entries.filter((entry) => entry.state === "READY");
    this.#picker = undefined;
    if (ready.length === 0) return updateUnready(this.#host, entries);
    if (ready.length === 1) {
      return this.#host.updateState("READY", new SinglePicker(ready[0].subchannel));
    }
    this.#picker = new WeightedRoundRobinPicker(ready.map((entry) => entry.subchannel));
    this.#weigh(ready, this.#picker);
    this.#host.updateState("READY", this.#picker);
  }

  /** Computes the weights now, and again at intervals. */
  #weigh(ready: readonly Entry[], picker: WeightedRoundRobinPicker): void {
    const { blackoutPeriodMs, weightExpirationPeriodMs, weightUpdatePeriodMs } = this.#config;
    const { clock, random, observer } = this.#host;
    const nowMs = clock.now();
    const weights = ready.map(({ data }) =>
      data.weight.at(nowMs, blackoutPeriodMs, weightExpirationPeriodMs)
    );
    picker.setWeights(weights, random);
    if (observer !== undefined) {
      const stale = ready.filter(({ data }) =>
        data.weight.isStale(nowMs, weightExpirationPeriodMs)
      );
      const usable = weights.filter((weight) => weight > 0).length;
      observer.weighed({
        weights,
        notYetUsable: ready.length - usable - stale.length,
        stale: stale.length,
        fallback: usable < 2,
      });
    }
    this.#timer = clock.setTimer(() => {
      this.#timer = undefined;
      this.#weigh(ready, picker);
    }, weightUpdatePeriodMs);
  }

  #clearTimer(): void {
    if (this.#timer !== undefined) this.#host.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}

/** Picks subchannels in proportion to weights that change. */
export class WeightedRoundRobinPicker implements Picker {
  readonly #subchannels: readonly BalancerSubchannel[];
  #scheduler: StrideScheduler;

  /** Begins with equal weights. */
  constructor(subchannels: readonly BalancerSubchannel[]) {
    this.#subchannels = subchannels;
    this.#scheduler = new StrideScheduler(subchannels.map(() => 0), 0);
  }

  /** Sets the weights of the subchannels; 0 counts as their mean. `random` returns numbers from 0 to below 1. */
  setWeights(weights: readonly number[], random: () => number): void {
    this.#scheduler = new StrideScheduler(weights, Math.floor(random() * 65_536));
  }

  pick(): BalancerSubchannel | undefined {
    const subchannels = this.#subchannels;
    for (let i = 0; i < subchannels.length; i++) {
      const one = subchannels[this.#scheduler.next()];
      if (one.free) return one;
    }
    for (const one of subchannels) if (one.free) return one;
    return undefined;
  }
}
