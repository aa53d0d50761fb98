/** Calls the server of the page, by three protocols with the same functions. */

import { ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { connect, findDetails, RpcError } from "../../src/browser/mod.ts";
import { BadRequestSchema } from "../../proto/gen/google/rpc/error_details_pb.ts";
import { GreeterService } from "../../proto/gen/examples/greeter_pb.ts";

const $ = (id) => document.getElementById(id);
const server = $("server").textContent;

// One client for each protocol. Their methods have the same names, requests, replies and options.
const webSocket = connect(server).client(GreeterService);
const clients = {
  connect: createClient(GreeterService, createConnectTransport({ baseUrl: server })),
  grpcWeb: createClient(GreeterService, createGrpcWebTransport({ baseUrl: server })),
  webSocket,
};
const client = () => clients[document.querySelector("input[name=protocol]:checked").value];

// ---- one request, one reply ------------------------------------------------------------------------------

$("greet").addEventListener("submit", async (event) => {
  event.preventDefault();
  const output = clear($("greeting"));
  const startMs = performance.now();
  try {
    const { text } = await client().greet({ name: $("name").value }, { timeoutMs: 5_000 });
    output.append(text, note(` in ${Math.round(performance.now() - startMs)} ms`));
  } catch (error) {
    showError(output, error);
  }
});

// ---- one request, many replies ---------------------------------------------------------------------------

let countDown;

$("count").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (countDown) return countDown.abort();
  const output = clear($("steps"));
  countDown = new AbortController();
  $("start").textContent = "Stop";
  try {
    const request = { from: Number($("from").value) };
    for await (const { left } of client().countDown(request, { signal: countDown.signal })) {
      output.append(step(left === 0 ? "lift-off" : String(left)));
    }
  } catch (error) {
    if (countDown.signal.aborted) output.append(note("stopped"));
    else showError(output, error);
  }
  countDown = undefined;
  $("start").textContent = "Start";
});

// ---- messages both ways, which only the WebSocket can carry ------------------------------------------------

const me = `guest ${Math.floor(Math.random() * 900) + 100}`;
$("me").textContent = me;
const unsent = [];
let wake = () => {};

/** What is typed, as the requests of a call. */
async function* said() {
  yield { name: me, text: "" };
  for (;;) {
    if (unsent.length === 0) await new Promise((resolve) => wake = resolve);
    else yield { name: me, text: unsent.shift() };
  }
}

async function listen() {
  for (;;) {
    try {
      const messages = webSocket.chat(said());
      $("room").textContent = "";
      for await (const { name, text } of messages) {
        const line = document.createElement("li");
        line.append(bold(name === me ? "you" : name), ` ${text}`);
        $("heard").append(line);
        $("heard").scrollTop = $("heard").scrollHeight;
      }
    } catch (error) {
      $("room").textContent = `${error.codeName}: trying again …`;
    }
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}
listen();

$("chat").addEventListener("submit", (event) => {
  event.preventDefault();
  if ($("text").value === "") return;
  unsent.push($("text").value);
  wake();
  $("text").value = "";
});

// ---- what is shown ---------------------------------------------------------------------------------------

/** Shows code and text of a failed call, and marks the fields that its details name. */
function showError(output, error) {
  const text = error instanceof ConnectError ? error.rawMessage : error.message;
  const code = error instanceof ConnectError
    ? error.message.split("]")[0].slice(1)
    : error.codeName?.toLowerCase();
  output.classList.add("bad");
  output.append(text, note(code === undefined ? "" : ` (${code})`));
  const details = error instanceof ConnectError
    ? error.findDetails(BadRequestSchema)
    : error instanceof RpcError
    ? findDetails(error, BadRequestSchema)
    : [];
  for (const { field } of details.flatMap((detail) => detail.fieldViolations)) {
    $(field)?.setAttribute("aria-invalid", "true");
  }
}

function clear(output) {
  output.replaceChildren();
  output.classList.remove("bad");
  for (const field of output.parentElement.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
  }
  return output;
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

const note = (text) => element("small", text);
const bold = (text) => element("b", text);
const step = (text) => element("span", text);
