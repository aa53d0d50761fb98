/**
 * Matchers of strings, headers and fractions, as routes and access rules have them.
 *
 * @module
 */

import type { Metadata } from "../../call/metadata.ts";
import type { HeaderMatcher as HeaderMatcherMessage } from "../../../proto/gen/envoy/config/route/v3/route_pb.ts";
import type { StringMatcher as StringMatcherMessage } from "../../../proto/gen/envoy/type/matcher/v3/matcher_pb.ts";
import {
  type FractionalPercent,
  FractionalPercent_DenominatorType as Denominator,
} from "../../../proto/gen/envoy/type/v3/type_pb.ts";
import { invalid, ResourceError } from "./resource_error.ts";

/** Whether a text matches. */
export type StringMatcher = (text: string) => boolean;

/** Whether a call's header matches; `value` is undefined if the call has none. */
export interface HeaderMatcher {
  /** Name of the header, in lower case. */
  readonly name: string;
  /** Returns whether the value matches; several values are joined by commas. */
  readonly matches: (value: string | undefined) => boolean;
}

/**
 * Compiles a regular expression that has to match the whole text. The syntax is RE2's as far as JavaScript's expressions have
 * it. Throws ResourceError if it is not valid.
 */
export function compileRegex(regex: string, field: string): RegExp {
  try {
    return new RegExp(`^(?:${regex})$`, "su");
  } catch (cause) {
    throw new ResourceError(`${field}: ${JSON.stringify(regex)} is not a valid expression`, {
      cause,
    });
  }
}

/** Makes the matcher of a text. Throws ResourceError if it is not valid. */
export function stringMatcher(message: StringMatcherMessage, field: string): StringMatcher {
  const { matchPattern: pattern, ignoreCase } = message;
  const fold = (text: string) => ignoreCase ? text.toLowerCase() : text;
  switch (pattern.case) {
    case "exact": {
      const wanted = fold(pattern.value);
      return (text) => fold(text) === wanted;
    }
    case "prefix":
    case "suffix":
    case "contains": {
      if (pattern.value === "") invalid(field, `${pattern.case} must not be empty`);
      const wanted = fold(pattern.value);
      if (pattern.case === "prefix") return (text) => fold(text).startsWith(wanted);
      if (pattern.case === "suffix") return (text) => fold(text).endsWith(wanted);
      return (text) => fold(text).includes(wanted);
    }
    case "safeRegex": {
      const regex = compileRegex(pattern.value.regex, field);
      return (text) => regex.test(text);
    }
    case undefined:
      return invalid(field, "it has no known pattern");
  }
}

/** Makes the matcher of a header. Throws ResourceError if it is not valid. */
export function headerMatcher(message: HeaderMatcherMessage, field: string): HeaderMatcher {
  const name = message.name.toLowerCase();
  if (name === "") invalid(`${field}.name`, "it must not be empty");
  const { invertMatch, headerMatchSpecifier: specifier } = message;
  if (specifier.case === "presentMatch") {
    const wanted = specifier.value !== invertMatch;
    return { name, matches: (value) => (value !== undefined) === wanted };
  }
  const matches = valueMatcher(specifier, field);
  // A header that is missing never matches, inverted or not (gRPC A28).
  return { name, matches: (value) => value !== undefined && matches(value) !== invertMatch };
}

function valueMatcher(
  specifier: HeaderMatcherMessage["headerMatchSpecifier"],
  field: string,
): StringMatcher {
  switch (specifier.case) {
    case "exactMatch": {
      const wanted = specifier.value;
      return (text) => text === wanted;
    }
    case "prefixMatch":
    case "suffixMatch":
    case "containsMatch": {
      const wanted = specifier.value;
      if (wanted === "") invalid(field, "the text must not be empty");
      if (specifier.case === "prefixMatch") return (text) => text.startsWith(wanted);
      if (specifier.case === "suffixMatch") return (text) => text.endsWith(wanted);
      return (text) => text.includes(wanted);
    }
    case "safeRegexMatch": {
      const regex = compileRegex(specifier.value.regex, field);
      return (text) => regex.test(text);
    }
    case "rangeMatch": {
      const { start, end } = specifier.value;
      return (text) =>
        /^[+-]?\d{1,19}$/.test(text) && BigInt(text.replace("+", "")) >= start &&
        BigInt(text.replace("+", "")) < end;
    }
    case "stringMatch":
      return stringMatcher(specifier.value, field);
    default:
      return invalid(field, "it has no known kind of match");
  }
}

/**
 * Value of a header for matching (gRPC A28): several values joined by commas; undefined for none, and for binary ones.
 * `content-type` is that of gRPC.
 */
export function headerValue(metadata: Metadata | undefined, name: string): string | undefined {
  if (name.endsWith("-bin")) return undefined;
  if (name === "content-type") return "application/grpc";
  const first = metadata?.get(name);
  if (first === undefined) return undefined;
  const all = metadata!.getAll(name);
  return all.length > 1 ? all.join(",") : first;
}

/** Returns a fraction in millionths, at most 1,000,000. */
export function millionths(fraction: FractionalPercent | undefined, field: string): number {
  return Math.min(1_000_000, (fraction?.numerator ?? 0) * unitOf(fraction, field));
}

/** Returns what a numerator of 1 is, in millionths. */
export function unitOf(fraction: FractionalPercent | undefined, field: string): number {
  const { denominator = Denominator.HUNDRED } = fraction ?? {};
  switch (denominator) {
    case Denominator.HUNDRED:
      return 10_000;
    case Denominator.TEN_THOUSAND:
      return 100;
    case Denominator.MILLION:
      return 1;
    default:
      return invalid(field, `unknown denominator ${denominator}`);
  }
}
