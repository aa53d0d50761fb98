/**
 * Scenario files of the benchmark: what is called, in which stages, and what each user does.
 *
 * ```ts
 * import { scenario } from "@vrpc/vrpc/scenario";
 *
 * export default scenario({
 *   stages: [
 *     { name: "rise", duration: "30s", users: [0, 50] },
 *     { name: "hold", duration: "2m", users: 50, failIf: ["p99>50ms"] },
 *   ],
 *   async flow(user) {
 *     const order = await user.call("shop.v1.Orders/Create", { customer: `c-${user.id}` });
 *     user.check("the order has an id", order.id !== "");
 *     await user.think("1s", "3s");
 *     await user.call("shop.v1.Orders/Get", { id: order.id });
 *   },
 * });
 * ```
 *
 * @module
 */

export {
  type Flow,
  type FlowCallOptions,
  type FlowStep,
  type Scenario,
  scenario,
  type ScenarioMethod,
  type ScenarioStage,
  type User,
} from "./generate/scenario.ts";
