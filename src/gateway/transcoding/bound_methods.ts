/**
 * Binds the rules of many methods.
 *
 * @module
 */

import { textOf } from "../../errors.ts";
import type { GatewayMethod } from "../gateway_method.ts";
import { bindRule } from "./binding.ts";
import { type HttpRule, httpRules } from "./http_rule.ts";
import { TemplateTable } from "./template_table.ts";

/** HTTP method and path of a method by its annotation `google.api.http`. */
export interface HttpRuleSummary {
  /** HTTP method, or `*` for any. */
  readonly method: string;
  /** Path template, for example `/v1/{name=shelves/*}`. */
  readonly path: string;
  /** Field that the body is: `*` for the whole request, empty for none. */
  readonly body: string;
  /** Why requests of this rule are not answered; undefined when they are. */
  readonly fault?: string;
}

/** Rules of methods: a table to find them in, and a list. */
export interface BoundMethods {
  readonly table: TemplateTable;
  /** Rules of each method that has some, by its path. */
  readonly summaries: ReadonlyMap<string, readonly HttpRuleSummary[]>;
}

/**
 * Binds the rules of `methods`. Of two rules for the same requests the first is kept. Rules that can't be used, and those
 * beyond `maxRules`, have their reason in the list.
 */
export function bindMethods(methods: Iterable<GatewayMethod>, maxRules: number): BoundMethods {
  const table = new TemplateTable();
  const faults = new Map<HttpRule, string | undefined>();
  const rules = new Map<string, readonly HttpRule[]>();
  let count = 0;
  for (const method of methods) {
    const all = rulesOf(method);
    for (const { rule, fault: unreadable } of all) {
      const fault = unreadable ??
        (++count > maxRules ? `there are more than ${maxRules} rules` : add(table, method, rule));
      faults.set(rule, fault);
    }
    if (all.length > 0) rules.set(method.path, all.map(({ rule }) => rule));
  }
  for (const { binding, by } of table.removeHidden()) {
    faults.set(binding.rule, `all its requests go to ${by.rule.path} of ${by.method.path}`);
  }
  const summaries = new Map<string, readonly HttpRuleSummary[]>();
  for (const [path, all] of rules) {
    summaries.set(path, all.map((rule) => summaryOf(rule, faults.get(rule))));
  }
  return { table, summaries };
}

function summaryOf(rule: HttpRule, fault: string | undefined): HttpRuleSummary {
  const { httpMethod, path, body } = rule;
  return { method: httpMethod, path, body, ...(fault !== undefined && { fault }) };
}

function rulesOf(method: GatewayMethod): { rule: HttpRule; fault?: string }[] {
  try {
    return httpRules(method.desc).map((rule) => ({ rule }));
  } catch (error) {
    const rule = { httpMethod: "", path: "", body: "", responseBody: "" };
    return [{ rule, fault: `the annotation can't be read: ${textOf(error)}` }];
  }
}

/** Adds a rule. Returns why it can't be used, or undefined. */
function add(table: TemplateTable, method: GatewayMethod, rule: HttpRule): string | undefined {
  try {
    const other = table.add(bindRule(method, rule));
    return other && `${other.method.path} has the same requests`;
  } catch (error) {
    return textOf(error);
  }
}
