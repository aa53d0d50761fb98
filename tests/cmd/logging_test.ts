import assert from "node:assert/strict";
import type { LogRecord } from "@logtape/logtape";
import { formatter } from "../../cmd/shared/logging.ts";

const EVIL = "a\x1b]0;b\x07\x9b\u202ec\nforged line";
const ESCAPED = "a\\u001b]0;b\\u0007\\u009b\\u202ec\\u000aforged line";

function record(message: readonly unknown[], properties: Record<string, unknown> = {}): LogRecord {
  return {
    category: ["vrpc", "client"],
    level: "warning",
    message,
    rawMessage: "",
    timestamp: 0,
    properties,
  };
}

/** Formats a record, with a value of VRPC_LOG_FORMAT or without. */
function formatted(one: LogRecord, format?: string): string {
  const before = Deno.env.get("VRPC_LOG_FORMAT");
  if (format === undefined) Deno.env.delete("VRPC_LOG_FORMAT");
  else Deno.env.set("VRPC_LOG_FORMAT", format);
  try {
    return formatter()(one);
  } finally {
    if (before === undefined) Deno.env.delete("VRPC_LOG_FORMAT");
    else Deno.env.set("VRPC_LOG_FORMAT", before);
  }
}

Deno.test("log lines escape a peer's text in templates, values, objects and errors", () => {
  for (const message of [[EVIL], ["peer: ", EVIL, ""], ["peer: ", new Error(EVIL), ""]]) {
    const text = formatted(record(message));
    assert.ok(text.includes(ESCAPED), text);
    assert.doesNotMatch(text, /^forged/m);
  }
  const object = formatted(record(["peer: ", { [EVIL]: [EVIL] }, ""]));
  // deno-lint-ignore no-control-regex -- control characters are what must not be there
  assert.doesNotMatch(object, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]|^forged/m);
});

Deno.test("log lines as JSON are one line each, with the same values", () => {
  const line = formatted(record(["peer: ", EVIL, ""], { reason: EVIL }), "json");
  assert.match(line, /^[ -~]+\n$/);
  const { message, properties } = JSON.parse(line);
  assert.deepEqual(properties, { reason: EVIL });
  assert.ok(message.includes("]0;b"));
});
