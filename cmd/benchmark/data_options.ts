/**
 * Options for what is called, and with which requests.
 *
 * @module
 */

import type { Option } from "commander";
import { VARIABLE_NAMES } from "../../src/load/generate/variables.ts";
import { option, wholeNumber } from "../shared/program.ts";
import { repeated, word } from "./parsers.ts";

/** Options of every call. */
export function callOptions(): Option[] {
  return [
    option(
      "-H, --header <key:value>",
      "VRPC_HEADER",
      `metadata of each call, or @file with a line for each; may be repeated; variables: ${
        VARIABLE_NAMES.map((name) => `{{${name}}}`).join(" ")
      }`,
      { parse: repeated() },
    ),
  ];
}

/** Options of the services that the benchmark knows. */
export function serviceOptions(): Option[] {
  return [
    option(
      "--service <name>",
      ["SERVICE", "BENCHMARK_TYPE"],
      "echo, crypto or both; also BENCHMARK_TYPE",
      { default: "echo", parse: word("echo", "crypto", "both") },
    ),
    option("--payload <bytes>", "VRPC_PAYLOAD", "payload of a request in bytes", {
      default: 64,
      parse: wholeNumber(0, 2 ** 30),
    }),
    option("--crypto-key <name>", "VRPC_CRYPTO_KEY", "rsa-2048, ecdsa-p256 or ecdsa-p384", {
      default: "rsa-2048",
      parse: word("rsa-2048", "ecdsa-p256", "ecdsa-p384"),
    }),
    option(
      "--crypto-algorithm <name>",
      "VRPC_CRYPTO_ALGORITHM",
      "rsa-pkcs1-sha256, rsa-pss-sha256, ecdsa-sha256 or ecdsa-sha384; default: by the key",
      { parse: word("rsa-pkcs1-sha256", "rsa-pss-sha256", "ecdsa-sha256", "ecdsa-sha384") },
    ),
  ];
}

/** Options of any other method. */
export function methodOptions(): Option[] {
  return [
    option(
      "--method <name>",
      "VRPC_METHOD",
      "method to call instead of a service: package.Service/Method; several with their weights, as " +
        "a.B/C=3, get --data and --data-file in the same order",
      { parse: repeated() },
    ),
    option(
      "--data <json>",
      "VRPC_DATA",
      "request for --method as JSON or @file; an array for a stream of requests; with variables as " +
        "--header, and {{column}} of --data-file; -d takes it, too",
      { parse: repeated() },
    ),
    option(
      "--data-file <file>",
      "VRPC_DATA_FILE",
      "requests for --method, or with --data the values of its columns: .csv, .jsonl, .json (a list) " +
        "or, each behind its length, encoded messages (.binpb)",
      { parse: repeated() },
    ),
    option(
      "--data-order <order>",
      "VRPC_DATA_ORDER",
      "how calls take the rows of --data-file: round-robin or random",
      { default: "round-robin", parse: word("round-robin", "random") },
    ),
    option(
      "--proto <file>",
      "VRPC_PROTO",
      "types of --method: a .proto file or a descriptor set; default: reflection",
    ),
    option(
      "--proto-path <folder>",
      "VRPC_PROTO_PATH",
      "folder for imports of the .proto file; default: its own folder",
    ),
  ];
}
