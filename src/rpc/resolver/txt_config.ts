/**
 * The service config in the TXT records of a host (gRPC A2).
 *
 * @module
 */

import { hostname } from "node:os";
import { resolveTexts } from "../../transport/resolve.ts";

const PREFIX = "grpc_config=";

// gRPC A2 names languages, and grpc-js calls itself "node".
const LANGUAGES = ["node", "javascript", "typescript"];

/** One of the configs of a host. */
interface Choice {
  readonly clientLanguage?: unknown;
  readonly percentage?: unknown;
  readonly clientHostname?: unknown;
  readonly serviceConfig?: unknown;
}

/** Facts of a client, by which its config is chosen. */
export interface ConfigClient {
  /** A number from 0 to below 100, the same for all lookups of a channel. */
  readonly percentile: number;
  /** Returns the name of this host. Default that of the system. */
  readonly hostname?: () => string;
}

/**
 * Returns the service config of a host, which the record `_grpc_config.HOST` holds; undefined if it has none for this
 * client. Throws TypeError for a record that is not valid.
 */
export async function lookUpServiceConfig(
  host: string,
  nameServer: string | undefined,
  client: ConfigClient,
  signal: AbortSignal,
): Promise<unknown> {
  let texts: string[];
  try {
    texts = await resolveTexts(`_grpc_config.${host}`, nameServer, signal);
  } catch {
    // As in other implementations of gRPC: a name server may not answer for names that it does not have.
    return undefined;
  }
  const text = texts.find((one) => one.startsWith(PREFIX));
  return text === undefined ? undefined : chooseConfig(text.slice(PREFIX.length), client);
}

/** Returns the first config of the list that is for this client. Throws TypeError if it is not a list of choices. */
export function chooseConfig(json: string, client: ConfigClient): unknown {
  let choices: unknown;
  try {
    choices = JSON.parse(json);
  } catch (cause) {
    throw wrong((cause as Error).message, cause);
  }
  if (!Array.isArray(choices)) throw wrong("it must be a list of choices");
  for (const [i, choice] of choices.entries()) {
    if (typeof choice !== "object" || choice === null) throw wrong(`[${i}] is not an object`);
    if (!isFor(choice, `[${i}]`, client)) continue;
    if (choice.serviceConfig === undefined) throw wrong(`[${i}] has no serviceConfig`);
    return choice.serviceConfig;
  }
  return undefined;
}

function isFor(choice: Choice, where: string, client: ConfigClient): boolean {
  const languages = names(choice.clientLanguage, `${where}.clientLanguage`);
  if (languages !== undefined && !languages.some((one) => LANGUAGES.includes(one.toLowerCase()))) {
    return false;
  }
  const { percentage = 100 } = choice;
  if (typeof percentage !== "number" || !(percentage >= 0 && percentage <= 100)) {
    throw wrong(`${where}.percentage must be from 0 to 100`);
  }
  if (client.percentile >= percentage) return false;
  const hosts = names(choice.clientHostname, `${where}.clientHostname`);
  return hosts === undefined || hosts.includes((client.hostname ?? hostname)());
}

function names(value: unknown, where: string): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const valid = Array.isArray(value) && value.every((one) => typeof one === "string");
  if (!valid) throw wrong(`${where} must be a list of texts`);
  return value.length === 0 ? undefined : value;
}

function wrong(what: string, cause?: unknown): TypeError {
  return new TypeError(`Cannot parse the TXT record of the service config: ${what}`, { cause });
}
