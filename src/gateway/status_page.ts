/**
 * The page at `/`: state and methods of the service, and a form to call them. No build step, no other files.
 *
 * @module
 */

import { UNPRINTABLE } from "../call/printable.ts";

/** Page as HTML. It loads `/methods.json` and `/healthz` of its own origin. */
export const STATUS_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>vrpc host</title>
<link rel="icon" href="data:,">
<style>
:root {
  color-scheme: light dark;
  --page: light-dark(#f6f7f9, #14171c); --panel: light-dark(#fff, #1d2129);
  --ink: light-dark(#1b2330, #e7ebf2); --soft: light-dark(#5b6778, #98a4b5);
  --line: light-dark(#dde2e9, #323946); --accent: light-dark(#1858c8, #78aaff);
  --on-accent: light-dark(#fff, #0c1526); --good: light-dark(#157347, #59c98c);
  --bad: light-dark(#b3261e, #ff8a80);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
header, main { max-width: 68rem; margin: 0 auto; padding: 1.25rem; }
header { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: baseline; }
h1 { font-size: 1.3rem; margin: 0; }
#state { font-weight: 600; }
#state.good { color: var(--good); } #state.bad { color: var(--bad); }
main { display: grid; grid-template-columns: minmax(14rem, 22rem) 1fr; gap: 1.25rem; padding-top: 0; }
section { background: var(--panel); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem; min-width: 0; }
h2 { font-size: 1rem; margin: 0 0 .75rem; overflow-wrap: anywhere; }
li button:disabled { opacity: .5; cursor: default; }
ul { list-style: none; margin: 0; padding: 0; }
li button { width: 100%; text-align: left; background: none; color: inherit; border: 0; border-radius: .4rem;
  padding: .45rem .6rem; font: inherit; cursor: pointer; overflow-wrap: anywhere; }
li button small { display: block; color: var(--soft); }
li button:hover, li button[aria-current=true] { background: light-dark(#eaf0fb, #273249); }
label { display: block; margin: .75rem 0 .3rem; color: var(--soft); font-size: .875rem; }
textarea, pre { width: 100%; font: 14px/1.5 ui-monospace, monospace; border: 1px solid var(--line);
  border-radius: .4rem; padding: .6rem; background: var(--page); color: var(--ink); }
textarea { min-height: 8rem; resize: vertical; }
pre { margin: 0; min-height: 4rem; white-space: pre-wrap; overflow-wrap: anywhere; }
#send { margin-top: .75rem; background: var(--accent); color: var(--on-accent); border: 0;
  border-radius: .4rem; padding: .55rem 1.2rem; font: inherit; font-weight: 600; cursor: pointer; }
#send:disabled { opacity: .5; cursor: default; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.bad { color: var(--bad); }
@media (max-width: 44rem) { main { grid-template-columns: 1fr; } }
</style>
</head>
<body>
<header>
  <h1>vrpc host</h1>
  <span>enclave <span id="address"></span>: <span id="state" role="status">…</span></span>
</header>
<main>
  <section>
    <h2>Methods</h2>
    <ul id="methods"></ul>
  </section>
  <section>
    <h2 id="name">Choose a method</h2>
    <form id="form">
      <label for="body">Request (JSON)</label>
      <textarea id="body" spellcheck="false">{}</textarea>
      <button id="send" disabled>Call</button>
      <label for="reply">Reply <span id="took"></span></label>
      <pre id="reply" aria-live="polite"></pre>
    </form>
  </section>
</main>
<script>
"use strict";
const $ = (id) => document.getElementById(id);
// Texts of the enclave must not change the direction of the text around them.
const printable = (text) => String(text).replace(${UNPRINTABLE}, (char) =>
  char === "\\n" || char === "\\t" ? char : "\\\\u" + char.charCodeAt(0).toString(16).padStart(4, "0"));
let current = null;

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

function choose(method, button) {
  current = method;
  for (const other of document.querySelectorAll("li button")) other.removeAttribute("aria-current");
  button.setAttribute("aria-current", "true");
  $("name").textContent = method.path;
  $("body").value = JSON.stringify(method.example, null, 2);
  $("reply").textContent = $("took").textContent = "";
  $("send").disabled = false;
}

async function list() {
  const answer = await fetch("/methods.json");
  const methods = await answer.json();
  if (!answer.ok) {
    $("methods").innerHTML = "<li class=bad></li>";
    $("methods").firstChild.textContent = printable(methods.message);
    setTimeout(list, 2000);
    return;
  }
  $("methods").replaceChildren(...methods.map((method) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    const [service, name] = method.path.slice(1).split("/");
    button.textContent = name ?? "";
    const small = document.createElement("small");
    const callable = ["unary", "server_streaming"].includes(method.kind) && !method.fault;
    const note = method.fault ?? (method.kind === "unary" ? "" : method.kind.replace("_", " "));
    small.textContent = printable(service + (note === "" ? "" : " · " + note));
    button.append(small);
    button.disabled = !callable;
    button.onclick = () => choose(method, button);
    item.append(button);
    return item;
  }));
  const first = document.querySelector("li button:not(:disabled)");
  if (first) first.click();
}

$("form").onsubmit = async (event) => {
  event.preventDefault();
  const start = performance.now();
  $("send").disabled = true;
  try {
    const answer = await fetch(current.path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: $("body").value,
    });
    const text = await answer.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* lines of JSON stay as they are */ }
    $("reply").textContent = printable(shown);
    $("reply").className = answer.ok ? "" : "bad";
    $("took").textContent = "(" + answer.status + ", " + (performance.now() - start).toFixed(1) + " ms)";
  } catch (error) {
    $("reply").textContent = String(error);
    $("reply").className = "bad";
  }
  $("send").disabled = false;
  refresh();
};

refresh();
list();
setInterval(refresh, 3000);
</script>
</body>
</html>
`;
