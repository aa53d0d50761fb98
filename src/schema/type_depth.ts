/**
 * Depth of message types: codecs are compiled by recursion from a message to those in its fields.
 *
 * @module
 */

import type { DescMessage, DescMethod } from "@bufbuild/protobuf";

/** Limit on the depth of nested message types; the stack overflows at about three times as many. */
const MAX_DEPTH = 300;

const tooDeep = new WeakMap<DescMessage, boolean>();

/** Returns why the messages of a method can't be converted, or undefined when they can. */
export function depthFault(method: DescMethod): string | undefined {
  const type = [method.input, method.output].find(isTooDeep);
  return type && `the types in ${type.typeName} nest deeper than ${MAX_DEPTH}`;
}

function isTooDeep(type: DescMessage): boolean {
  let deep = tooDeep.get(type);
  if (deep === undefined) tooDeep.set(type, deep = deepestWay(type) > MAX_DEPTH);
  return deep;
}

// Returns the depth that a recursive compiler reaches that visits each type once, depth first.
function deepestWay(root: DescMessage): number {
  const seen = new Set([root]);
  const open = [{ type: root, next: 0 }];
  let deepest = 1;
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    if (top.next === top.type.fields.length) {
      open.pop();
      continue;
    }
    const { message } = top.type.fields[top.next++];
    if (message === undefined || seen.has(message)) continue;
    seen.add(message);
    open.push({ type: message, next: 0 });
    deepest = Math.max(deepest, open.length);
  }
  return deepest;
}
