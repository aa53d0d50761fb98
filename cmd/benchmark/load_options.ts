/**
 * Options for how much load there is: loops, rates, stages.
 *
 * @module
 */

import type { Option } from "commander";
import { SHAPES } from "../../src/load/generate/stages.ts";
import { listed, option, wholeNumber } from "../shared/program.ts";
import { durationMs, positiveNumber, stageList, word } from "./parsers.ts";

/** Options for the loop and its length. */
export function loadOptions(): Option[] {
  return [
    option(
      "-c, --connections <count>",
      ["CONNECTIONS", "CONCURRENT_REQUESTS"],
      "number of connections; also CONCURRENT_REQUESTS",
      { default: 10, parse: wholeNumber(1, 10_000) },
    ),
    option("-t, --threads <count>", "THREADS", "worker threads; fewer if more are not useful", {
      default: 4,
      parse: wholeNumber(1, 256),
    }),
    option(
      "-n, --requests <count>",
      ["REQUESTS", "TOTAL_REQUESTS"],
      "calls to make; with --duration a limit, if given; also TOTAL_REQUESTS",
      { default: 1000, parse: wholeNumber(1, Number.MAX_SAFE_INTEGER) },
    ),
    option("-d, --duration <time>", "DURATION", "time to run: 30s, 2m, 1h or plain seconds", {
      parse: durationMs(1e-3),
    }),
    option("-r, --rate <calls/s>", "RATE_LIMIT", "calls per second on all connections together", {
      parse: positiveNumber,
    }),
    option(
      "--mode <mode>",
      "VRPC_MODE",
      "closed or open loop; default: open with --rate, else closed",
      {
        parse: word("closed", "open"),
      },
    ),
    option(
      "--arrivals <kind>",
      "VRPC_ARRIVALS",
      "spacing of calls with --rate: uniform or poisson",
      {
        default: "uniform",
        parse: word("uniform", "poisson"),
      },
    ),
    option(
      "--streams <count>",
      "VRPC_STREAMS",
      "calls in flight per connection; default: 1, or 100 in an open loop",
      { parse: wholeNumber(1, 100_000) },
    ),
    option("--warmup <time>", "VRPC_WARMUP", "time under load before measuring starts", {
      default: 0,
      parse: durationMs(0),
    }),
    option("--timeout <time>", "VRPC_TIMEOUT", "deadline of each call; default: none", {
      parse: durationMs(1e-3),
    }),
    option("--seed <number>", "VRPC_SEED", "seed of payloads and arrival times", {
      default: 1,
      parse: wholeNumber(0, Number.MAX_SAFE_INTEGER),
    }),
  ];
}

/** Options for rates that change. */
export function shapeOptions(): Option[] {
  return [
    option(
      "--scenario <file>",
      "VRPC_SCENARIO",
      "methods or the flow of users, stages, conditions, metadata and tags from a .ts, .js or .json file",
    ),
    option(
      "--users <count>",
      "VRPC_USERS",
      "users of the scenario's flow at a time, with a rate the most of them; default: the connections, with " +
        "a rate 1000",
      { parse: wholeNumber(1, 100_000) },
    ),
    option(
      "--stages <list>",
      "VRPC_STAGES",
      "rates one after the other, with names if you like: 10s@100,1m@100..2000,peak=30s@2000",
      { parse: stageList },
    ),
    option(
      "--shape <shape>",
      "VRPC_SHAPE",
      `stages by name, up to --rate within --duration: ${listed(SHAPES)}`,
      { parse: word(...SHAPES) },
    ),
    option(
      "--find-limit <conditions>",
      "VRPC_FIND_LIMIT",
      "search the highest rate at which all conditions hold: 'p99<5ms'; begins at --rate, each trial " +
        "lasts --duration",
    ),
  ];
}
