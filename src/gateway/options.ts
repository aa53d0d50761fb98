/**
 * Options of a gateway.
 *
 * @module
 */

import type { DescService } from "@bufbuild/protobuf";
import { Metadata } from "../call/metadata.ts";
import { checkRanges, measured, type Ranges, whole } from "../limits/ranges.ts";
import { DEFAULT_BUFFERED_BYTES } from "../limits/memory_pool.ts";
import { MAX_JSON_ELEMENTS } from "../codec/message_json.ts";
import type { DescriptorLimits } from "../schema/limits.ts";

/** Options of a {@link Gateway}. */
export interface GatewayOptions {
  /** Services to expose without reading them by reflection. Default: none. */
  services?: readonly DescService[];
  /** Additional paths of methods, for example `/echo` for `/pkg.EchoService/Echo`. */
  routes?: Readonly<Record<string, string>>;
  /** Largest request body accepted, in bytes, 0 or more. Default 4 MiB. */
  maxBodyBytes?: number;
  /**
   * Limit on the objects, lists, members of objects and values that take as long (bytes, times, numbers of more than 15
   * digits) in a request body, 1 or more. A body beyond it is answered 413. Default 65,536.
   */
  maxJsonElements?: number;
  /**
   * Limit on the bytes of request bodies that are being read, in total over all requests, 0 or more. Requests that
   * exceed it fail with 503. Default 64 MiB.
   */
  maxBufferedBytes?: number;
  /**
   * Deadline of requests without a `Connect-Timeout-Ms` header, in ms, 0 or more; it covers the time until the
   * body is complete. Default 15,000.
   */
  timeoutMs?: number;
  /** Bounds on what the reflection of the service may send. Default: those of {@link DescriptorLimits}. */
  reflection?: DescriptorLimits;
  /**
   * Limit on the rules `google.api.http` of all methods together, 0 or more. Those beyond it are not served, and the list of
   * methods says so. Default 10,000.
   */
  maxHttpRules?: number;
  /** Limit on the parameters of a query, 0 or more. A request beyond it is answered 400. Default 1,000. */
  maxQueryParameters?: number;
  /**
   * Parameters of a query that are no fields of the request and are skipped, for example `key` or `$alt`. Other unknown
   * parameters are answered 400. Default: none.
   */
  ignoredQueryParameters?: readonly string[];
  /**
   * Header fields of requests that the service receives as metadata, in lower case. Throws TypeError for names that
   * metadata can't have. Default `authorization`.
   */
  forwardHeaders?: readonly string[];
}

const RANGES: Ranges<GatewayOptions> = {
  maxBodyBytes: whole(0, Infinity),
  maxJsonElements: whole(1, Infinity),
  maxBufferedBytes: whole(0, Infinity),
  timeoutMs: measured(0),
  maxHttpRules: whole(0, Infinity),
  maxQueryParameters: whole(0, Infinity),
};

/** Options with their defaults. */
export interface GatewaySettings extends Required<Omit<GatewayOptions, "routes">> {
  readonly routes: ReadonlyMap<string, string>;
}

/** Checks options. Throws RangeError for numbers out of range, TypeError for names that metadata can't have. */
export function gatewaySettings(options: GatewayOptions): GatewaySettings {
  checkRanges(options, RANGES);
  const { forwardHeaders = ["authorization"] } = options;
  const probe = new Metadata();
  for (const name of forwardHeaders) probe.append(name, name.endsWith("-bin") ? NO_BYTES : "");
  return {
    services: options.services ?? [],
    routes: new Map(
      Object.entries<string | undefined>(options.routes ?? {})
        .filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
    maxBodyBytes: options.maxBodyBytes ?? 4_194_304,
    maxJsonElements: options.maxJsonElements ?? MAX_JSON_ELEMENTS,
    maxBufferedBytes: options.maxBufferedBytes ?? DEFAULT_BUFFERED_BYTES,
    timeoutMs: options.timeoutMs ?? 15_000,
    reflection: options.reflection ?? {},
    maxHttpRules: options.maxHttpRules ?? 10_000,
    maxQueryParameters: options.maxQueryParameters ?? 1_000,
    ignoredQueryParameters: options.ignoredQueryParameters ?? [],
    forwardHeaders,
  };
}

const NO_BYTES = new Uint8Array();
