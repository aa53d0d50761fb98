/**
 * The page at `/`: state and methods of the service, and a form to call them. No build step, no other files.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { STATUS_PAGE_SCRIPT } from "./status_page_script.ts";
import { STATUS_PAGE_STYLE } from "./status_page_style.ts";

/**
 * Page as HTML. It loads `/methods.json`, `/openapi.json` and `/healthz` of its own origin. Serve it with
 * {@link STATUS_PAGE_FIELDS}.
 */
export const STATUS_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>vrpc host</title>
<link rel="icon" href="data:,">
<style>${STATUS_PAGE_STYLE}</style>
</head>
<body>
<header>
  <h1>vrpc host</h1>
  <span>enclave <span id="address"></span>: <span id="state" role="status">…</span></span>
  <a href="/openapi.json">OpenAPI</a>
</header>
<main>
  <section>
    <h2>Methods</h2>
    <label for="filter" class="hidden">Filter methods</label>
    <input id="filter" type="search" placeholder="Filter" autocomplete="off">
    <ul id="methods"></ul>
  </section>
  <section>
    <h2 id="name">Choose a method</h2>
    <p id="comment"></p>
    <ul id="rules"></ul>
    <form id="form">
      <label for="token">Bearer token (optional, not stored)</label>
      <input id="token" type="password" autocomplete="off" spellcheck="false">
      <label for="body">Request (JSON)</label>
      <textarea id="body" spellcheck="false">{}</textarea>
      <div class="actions">
        <button id="send" disabled>Call</button>
        <button id="stop" type="button" hidden>Stop</button>
      </div>
      <label for="reply">Reply <span id="took"></span></label>
      <pre id="reply" aria-live="polite"></pre>
    </form>
    <h2>Fields of the request</h2>
    <div id="request"></div>
    <h2>Fields of the reply</h2>
    <div id="response"></div>
  </section>
</main>
<script>${STATUS_PAGE_SCRIPT}</script>
</body>
</html>
`;

const hashOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/**
 * Header fields of the page. By its Content-Security-Policy no other script or style runs, whatever the texts of the service
 * are, and no other site can show the page in a frame.
 */
export const STATUS_PAGE_FIELDS: Readonly<Record<string, string>> = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": [
    "default-src 'none'",
    `script-src ${hashOf(STATUS_PAGE_SCRIPT)}`,
    `style-src ${hashOf(STATUS_PAGE_STYLE)}`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};
