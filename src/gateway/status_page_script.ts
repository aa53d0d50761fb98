/**
 * Script of the status page.
 *
 * @module
 */

import { UNPRINTABLE } from "../call/printable.ts";

/**
 * Source of the script. Texts of the service become text nodes, never markup, and are shown in printable characters: they
 * must not change the direction of the text around them.
 */
export const STATUS_PAGE_SCRIPT = `
"use strict";
const $ = (id) => document.getElementById(id);
const printable = (text) => String(text).replace(${UNPRINTABLE}, (char) =>
  char === "\\n" || char === "\\t" ? char : "\\\\u" + char.charCodeAt(0).toString(16).padStart(4, "0"));
// Longest reply that is shown; of a longer stream the end.
const MAX_SHOWN = 200000;
const MAX_DEPTH = 8;
let current = null;
let schemas = {};
let running = null;

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = printable(text);
  return element;
}

async function refresh() {
  const state = $("state");
  try {
    const health = await (await fetch("/healthz")).json();
    $("address").textContent = health.enclave.address;
    state.textContent = health.enclave.state;
    state.className = health.enclave.state === "READY" ? "good" : "bad";
  } catch {
    state.textContent = "the host does not respond";
    state.className = "bad";
  }
}

const own = (object, name) => Object.hasOwn(object, name) ? object[name] : undefined;

function follow(schema) {
  const name = schema.$ref === undefined ? undefined : schema.$ref.slice("#/components/schemas/".length);
  return name === undefined ? schema : own(schemas, name) ?? {};
}

function typeText(schema) {
  if (schema.$ref !== undefined) return schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
  if (schema.type === "array") return typeText(schema.items ?? {}) + "[]";
  if (schema.type === "object" && typeof schema.additionalProperties === "object") {
    return "map of " + typeText(schema.additionalProperties);
  }
  const first = schema.anyOf?.[0] ?? schema;
  const types = [schema.type ?? first.type ?? "any"].flat();
  const name = schema.contentEncoding ?? schema.format ?? first.format;
  return name === undefined ? types.join(" or ") : name + (types.includes("null") ? " or null" : "");
}

/** A value that is valid by a schema. */
function sample(schema, depth = 0) {
  const target = follow(schema);
  if (target.enum) return target.enum.find((name) => !/(^|_)UNSPECIFIED$/.test(name)) ?? target.enum[0];
  const first = target.anyOf?.[0] ?? target;
  switch ([first.type].flat()[0]) {
    case "array": return depth > 2 ? [] : [sample(target.items ?? {}, depth + 1)];
    case "object": return {};
    case "boolean": return true;
    case "integer": case "number": return 1;
    case "null": return null;
    case "string":
      if (first.format === "date-time") return "2030-01-01T00:00:00Z";
      if (first.pattern?.endsWith("s$")) return "1.5s";
      if (first.pattern) return "1";
      return first.contentEncoding ? "aGVsbG8=" : "text";
    default: return null;
  }
}

function addField(name, schema) {
  let json;
  try { json = JSON.parse($("body").value); } catch { json = {}; }
  if (json === null || typeof json !== "object" || Array.isArray(json)) json = {};
  json[name] = sample(schema);
  $("body").value = JSON.stringify(json, null, 2);
}

function fieldList(schema, depth, addable) {
  const list = make("div", "fields");
  const fields = Object.entries(schema.properties ?? {});
  if (fields.length === 0) list.append(make("p", "", "No fields"));
  const choices = (schema.allOf ?? []).map((one) => one.oneOf.slice(0, -1).map((each) => each.required[0]));
  for (const [name, field] of fields) {
    const row = make("div", "field");
    if (addable) {
      const add = make("button", "add", "add");
      add.type = "button";
      add.setAttribute("aria-label", "Add " + name + " to the request");
      add.onclick = () => addField(name, field);
      row.append(add);
    }
    row.append(make("code", "", name), make("span", "type", typeText(field)));
    const target = follow(field);
    const values = target.enum && "One of " + target.enum.slice(0, 50).join(", ") + (target.enum.length > 50 ? " …" : "");
    const others = choices.find((one) => one.includes(name))?.filter((one) => one !== name);
    const notes = [field.description, values, others && "Not together with " + others.join(", ")];
    const text = notes.filter((note) => note).join("\\n");
    if (text !== "") row.append(make("p", "", text));
    const inner = follow(field.items ?? (typeof field.additionalProperties === "object" ? field.additionalProperties : field));
    if (inner.properties && depth < MAX_DEPTH) row.append(nested(inner, depth));
    list.append(row);
  }
  return list;
}

// Filled when it is opened: types may contain themselves.
function nested(schema, depth) {
  const details = document.createElement("details");
  details.append(make("summary", "", "fields"));
  details.ontoggle = () => {
    if (details.open && details.children.length === 1) details.append(fieldList(schema, depth + 1, false));
  };
  return details;
}

function showFields(id, type, addable) {
  const schema = own(schemas, type);
  $(id).replaceChildren(schema ? fieldList(schema, 0, addable) : make("p", "", type));
}

function choose(method, button) {
  if (running) running.abort();
  current = method;
  for (const other of document.querySelectorAll("#methods button")) other.removeAttribute("aria-current");
  button.setAttribute("aria-current", "true");
  $("name").textContent = method.path;
  $("comment").textContent = printable(method.comment ?? "");
  $("rules").replaceChildren(...(method.http ?? []).map((rule) =>
    make("li", rule.fault ? "bad" : "", rule.method + " " + rule.path + (rule.fault ? ": " + rule.fault : ""))));
  $("body").value = JSON.stringify(method.example, null, 2);
  $("reply").textContent = $("took").textContent = "";
  $("send").disabled = false;
  showFields("request", method.request, true);
  showFields("response", method.response, false);
}

function methodItem(method) {
  const item = document.createElement("li");
  const [service, name] = method.path.slice(1).split("/");
  const button = make("button", "", name ?? "");
  button.type = "button";
  const callable = method.kind !== "unknown" && !method.fault;
  const note = method.fault ?? (method.kind === "unary" ? "" : method.kind.replace("_", " "));
  button.append(make("small", "", service + (note === "" ? "" : " · " + note)));
  button.disabled = !callable;
  button.onclick = () => choose(method, button);
  item.append(button);
  return item;
}

async function list() {
  const answer = await fetch("/methods.json");
  const methods = await answer.json();
  if (!answer.ok) {
    $("methods").replaceChildren(make("li", "bad", methods.message));
    setTimeout(list, 2000);
    return;
  }
  // Without the document the page works, but does not list fields.
  const document_ = await fetch("/openapi.json").then((one) => one.ok ? one.json() : {}).catch(() => ({}));
  schemas = document_.components?.schemas ?? {};
  $("methods").replaceChildren(...methods.map(methodItem));
  document.querySelector("#methods button:not(:disabled)")?.click();
}

$("filter").oninput = () => {
  const wanted = $("filter").value.toLowerCase();
  for (const item of $("methods").children) item.hidden = !item.textContent.toLowerCase().includes(wanted);
};

// Shows lines as they come, each as soon as it is complete.
async function showStream(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let shown = "";
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + (value ?? "")).split("\\n");
    rest = done ? "" : lines.pop();
    for (const line of lines) if (line !== "") shown += pretty(line) + "\\n";
    shown = shown.slice(-MAX_SHOWN);
    $("reply").textContent = printable(shown);
    $("reply").scrollTop = $("reply").scrollHeight;
    if (done) return;
  }
}

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

$("stop").onclick = () => running?.abort();

$("form").onsubmit = async (event) => {
  event.preventDefault();
  const start = performance.now();
  const call = running = new AbortController();
  const token = $("token").value.trim();
  $("send").disabled = true;
  $("stop").hidden = !["server_streaming", "bidi_streaming"].includes(current.kind);
  $("reply").textContent = $("took").textContent = "";
  try {
    const headers = { "content-type": "application/json", accept: "application/x-ndjson, application/json" };
    if (token !== "") headers.authorization = "Bearer " + token;
    const init = { method: "POST", headers, body: $("body").value, signal: call.signal };
    const answer = await fetch(current.path, init);
    $("reply").className = answer.ok ? "" : "bad";
    const status = () =>
      "(" + answer.status + ", " + (performance.now() - start).toFixed(1) + " ms)";
    $("took").textContent = "(" + answer.status + " …)";
    if ((answer.headers.get("content-type") ?? "").includes("ndjson")) await showStream(answer);
    else $("reply").textContent = printable(pretty(await answer.text()).slice(0, MAX_SHOWN));
    if (running === call) $("took").textContent = status();
  } catch (error) {
    if (running === call && call.signal.aborted) $("took").textContent = "(stopped)";
    else if (running === call) {
      $("reply").textContent = String(error);
      $("reply").className = "bad";
    }
  }
  if (running === call) {
    running = null;
    $("stop").hidden = true;
  }
  $("send").disabled = false;
  refresh();
};

refresh();
list();
setInterval(refresh, 3000);
`;
