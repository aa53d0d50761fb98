/**
 * Rules of message types, compiled once, and the check of one message.
 *
 * @module
 */

import { type DescMessage, hasOption, type Message, type Registry } from "@bufbuild/protobuf";
import { createValidator, type Violation } from "@bufbuild/protovalidate";
import {
  field as fieldRules,
  message as messageRules,
  oneof as oneofRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

/** Values of a message up to which all of its violations are collected; of larger ones the first. */
export const MAX_COLLECTED_VALUES = 1_000;

/** Checks messages by the rules of their types. Compiled rules are kept for as long as this object. */
export class MessageRules {
  readonly #first;
  readonly #all;
  readonly #types = new WeakMap<DescMessage, boolean>();

  /** `registry` has extensions of the rules, if there are any. */
  constructor(registry?: Registry) {
    const options = registry === undefined ? {} : { registry };
    this.#first = createValidator({ ...options, failFast: true });
    this.#all = createValidator(options);
  }

  /** Whether a type, or one that it contains, has rules. */
  has(type: DescMessage): boolean {
    let found = this.#types.get(type);
    if (found === undefined) {
      found = anyRules(type, new Set());
      this.#types.set(type, found);
    }
    return found;
  }

  /**
   * Returns the violations of a message, none if it is valid; of a message of more than {@link MAX_COLLECTED_VALUES}
   * values the first alone. Throws an Error for rules that cannot be compiled or evaluated.
   */
  check(type: DescMessage, message: Message): readonly Violation[] {
    const { kind, error, violations } = this.#first.validate(type, message);
    if (kind === "valid") return [];
    if (kind === "error") throw error;
    if (isLarge(message, { left: MAX_COLLECTED_VALUES })) return violations;
    return this.#all.validate(type, message).violations ?? violations;
  }
}

function anyRules(type: DescMessage, seen: Set<DescMessage>): boolean {
  if (seen.has(type)) return false;
  seen.add(type);
  return hasOption(type, messageRules) ||
    type.oneofs.some((oneof) => hasOption(oneof, oneofRules)) ||
    type.fields.some((field) =>
      hasOption(field, fieldRules) || (field.message !== undefined && anyRules(field.message, seen))
    );
}

/** Whether an object has more values in it than are left. Bytes count as one value. */
function isLarge(value: unknown, count: { left: number }): boolean {
  if (--count.left < 0) return true;
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false;
  for (const key in value) {
    if (isLarge((value as Record<string, unknown>)[key], count)) return true;
  }
  return false;
}
