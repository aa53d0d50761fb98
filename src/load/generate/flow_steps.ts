/**
 * Flows in JSON: steps, one after the other.
 *
 * @module
 */

import { parseDurationMs } from "../measure/units.ts";
import { parseTemplate } from "./request_template.ts";
import type { Flow, FlowStep, User } from "./scenario.ts";

const KEYS = ["call", "data", "check", "save", "think"];

/** Returns the flow of steps. Throws TypeError for a mistake in them. */
export function flowOfSteps(steps: readonly FlowStep[]): Flow {
  if (steps.length === 0) throw new TypeError("the flow has no steps");
  const saved: string[] = [];
  const all = steps.map((step, i) => {
    try {
      return stepOf(step, saved);
    } catch (error) {
      throw new TypeError(`step ${i + 1}: ${(error as Error).message}`, { cause: error });
    }
  });
  let flows = 0;
  return async (user) => {
    const values: Record<string, string> = {
      user: String(user.id),
      iteration: String(user.iteration),
    };
    const sequence = flows++;
    for (const step of all) await step(user, values, sequence);
  };
}

type Step = (user: User, values: Record<string, string>, sequence: number) => Promise<void>;

function stepOf(step: FlowStep, saved: string[]): Step {
  const unknown = Object.keys(step).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) {
    throw new TypeError(`unknown key "${unknown}": use ${KEYS.join(", ")}`);
  }
  const { call, data = {}, check = {}, save = {}, think } = step;
  if ((call === undefined) === (think === undefined)) {
    throw new TypeError("it needs either call or think");
  }
  if (think !== undefined) return thinkStep(typeof think === "string" ? [think, think] : think);
  const text = typeof data === "string" ? data : JSON.stringify(data);
  const template = parseTemplate(text, ["user", "iteration", ...saved]);
  saved.push(...Object.keys(save));
  const short = call!.split("/").at(-1)!;
  return async (user, values, sequence) => {
    const request = template.fill({ sequence, worker: 0, workers: 1 }, values);
    const reply = await user.call(call!, request);
    for (const [path, expected] of Object.entries(check)) {
      const isEqual = JSON.stringify(memberOf(reply, path)) === JSON.stringify(expected);
      user.check(`${short}: ${path} is ${JSON.stringify(expected)}`, isEqual);
    }
    for (const [name, path] of Object.entries(save)) {
      const value = memberOf(reply, path);
      values[name] = typeof value === "string" ? value : JSON.stringify(value) ?? "";
    }
  };
}

function thinkStep([atLeast, atMost]: readonly [string, string]): Step {
  for (const text of [atLeast, atMost]) {
    if (parseDurationMs(text) === undefined) {
      throw new TypeError(`cannot think for ${text}: use a time such as 2s`);
    }
  }
  return (user) => user.think(atLeast, atMost);
}

/** Returns a member of a reply, such as `order.items.0.id`; undefined if there is none. */
function memberOf(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>(
    (inside, name) =>
      typeof inside === "object" && inside !== null && Object.hasOwn(inside, name)
        ? (inside as Record<string, unknown>)[name]
        : undefined,
    value,
  );
}
