/**
 * Bindings: rules of HTTP that were checked against the messages of their methods.
 *
 * @module
 */

import type { DescField, DescMessage } from "@bufbuild/protobuf";
import type { GatewayMethod } from "../gateway_method.ts";
import { fieldNamed, type FieldPath, overlaps, resolveFieldPath } from "./field_path.ts";
import { hasText } from "./field_text.ts";
import { isHttpBody } from "./http_body.ts";
import type { HttpRule } from "./http_rule.ts";
import { parsePathTemplate, type PathTemplate } from "./path_template.ts";

/** Rule of a method. */
export interface HttpBinding {
  readonly method: GatewayMethod;
  readonly rule: HttpRule;
  readonly template: PathTemplate;
  /** Fields that the variables of the template set, in their order. */
  readonly variables: readonly FieldPath[];
  /** Field that the body is; `*` for the whole request, undefined for none. */
  readonly body: DescField | "*" | undefined;
  /** Type of the body when it is a google.api.HttpBody: the bytes as they are. */
  readonly rawBody: DescMessage | undefined;
  /** Field of the reply that the response is; undefined for the whole reply. */
  readonly responseField: DescField | undefined;
  /** Type of the response when it is a google.api.HttpBody. */
  readonly rawResponse: DescMessage | undefined;
}

// RFC 9110 §5.6.2: token.
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Checks a rule. Throws Error whose text says what is wrong. */
export function bindRule(method: GatewayMethod, rule: HttpRule): HttpBinding {
  const { input, output } = method.desc;
  if (rule.path === "") throw new Error("the rule has no path");
  if (!TOKEN.test(rule.httpMethod)) throw new Error("the rule has no valid HTTP method");
  const template = parsePathTemplate(rule.path);
  const variables = template.variables.map(({ fieldPath }) => variablePath(input, fieldPath));
  variables.forEach((path, i) => {
    if (variables.slice(0, i).some((other) => overlaps(path, other))) {
      throw new Error(`the path sets ${template.variables[i].fieldPath.join(".")} twice`);
    }
  });
  const body = bodyField(input, rule.body);
  const responseField = rule.responseBody === ""
    ? undefined
    : topField(output, rule.responseBody, "response_body");
  const bodyType = body === "*" ? input : singleMessage(body);
  const responseType = responseField === undefined ? output : singleMessage(responseField);
  return {
    method,
    rule,
    template,
    variables,
    body,
    rawBody: isHttpBody(bodyType) ? bodyType : undefined,
    responseField,
    rawResponse: isHttpBody(responseType) ? responseType : undefined,
  };
}

function variablePath(input: DescMessage, names: readonly string[]): FieldPath {
  const path = resolveFieldPath(input, names);
  const field = path[path.length - 1];
  if (field.fieldKind === "list" || !hasText(field)) {
    throw new Error(`the variable ${names.join(".")} of the path is not a single value`);
  }
  return path;
}

function bodyField(input: DescMessage, name: string): DescField | "*" | undefined {
  if (name === "") return undefined;
  return name === "*" ? "*" : topField(input, name, "body");
}

function topField(type: DescMessage, name: string, what: string): DescField {
  const field = fieldNamed(type, name);
  if (field === undefined) throw new Error(`${type.typeName} has no field for the ${what}`);
  return field;
}

function singleMessage(field: DescField | undefined): DescMessage | undefined {
  return field?.fieldKind === "message" ? field.message : undefined;
}
