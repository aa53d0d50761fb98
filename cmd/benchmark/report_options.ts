/**
 * Options for reports, comparisons and conditions.
 *
 * @module
 */

import type { Option } from "commander";
import { option } from "../shared/program.ts";
import { percentage, repeated, roundCount, word } from "./parsers.ts";
import { transportOf } from "./transports.ts";

/** Options for reports. */
export function reportOptions(): Option[] {
  return [
    option(
      "-o, --output <format>",
      "VRPC_OUTPUT",
      "text, json, csv, html, junit, prometheus, otlp (sent to --otlp-endpoint) or k6-summary; default: " +
        "by the extension of --out",
      {
        default: "text",
        parse: word("text", "json", "csv", "html", "junit", "prometheus", "otlp", "k6-summary"),
      },
    ),
    option(
      "--otlp-endpoint <url>",
      ["VRPC_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"],
      "collector of OTLP over HTTP",
      { default: "http://127.0.0.1:4318", accepts: (text) => new URL(text) },
    ),
    option("--out <file>", "VRPC_OUT", "write the report to this file, and text to the terminal"),
    option("--compare <file>", "VRPC_COMPARE", "older JSON report to compare with"),
    option(
      "--against <address>",
      "VRPC_AGAINST",
      "second server, measured in turn with the first; says whether they differ",
      { accepts: transportOf },
    ),
    option(
      "--rounds <count>",
      "VRPC_ROUNDS",
      "rounds to measure, of --duration each; auto: as many as --difference needs; default: auto with " +
        "--against, else 1",
      { parse: roundCount },
    ),
    option(
      "--difference <percent>",
      "VRPC_DIFFERENCE",
      "difference that the rounds are to find, such as 5%",
      { default: 5, defaultText: "5%", parse: percentage },
    ),
    option(
      "--fail-if <conditions>",
      "VRPC_FAIL_IF",
      "exit with 3 if a condition holds: p99>5ms,failed>0; metrics are percentiles (p50, p99.9), avg, mean, min, max, " +
        "rps, rate, checks, success, total, successful, failed, errors, missed and unfinished; of a stage or method: " +
        "peak:p99>5ms",
    ),
    option("--tag <key=value>", "VRPC_TAG", "tag in the reports; may be repeated", {
      parse: repeated(),
    }),
    option("--progress <when>", "VRPC_PROGRESS", "auto (on a terminal), on or off", {
      default: "auto",
      parse: word("auto", "on", "off"),
    }),
  ];
}
