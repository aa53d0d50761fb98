import assert from "node:assert/strict";
import { TransportError } from "../../src/errors.ts";
import {
  connectError,
  listenError,
  reasonOf,
  transportError,
} from "../../src/transport/failure.ts";

Deno.test("reasonOf() describes errors of the runtime", () => {
  const coded = (code: string) => Object.assign(new Error("x"), { code });
  assert.equal(reasonOf(coded("ECONNREFUSED")), "connection refused");
  assert.equal(reasonOf(coded("ETIMEDOUT")), "the network did not answer");
  assert.equal(
    reasonOf(new Deno.errors.ConnectionReset("x")),
    "the peer reset the connection",
  );
  assert.equal(
    reasonOf(new Deno.errors.UnexpectedEof("x")),
    "the peer closed the connection unexpectedly",
  );
  assert.equal(reasonOf(new Deno.errors.BadResource("x")), "it was closed here");
  assert.equal(
    reasonOf(new Error("Address family not supported by protocol (os error 97)")),
    "this kernel does not support the address family",
  );
  assert.equal(
    reasonOf(new Error("failed to lookup address information: Name or service not known")),
    "the host name cannot be resolved",
  );
});

Deno.test("reasonOf() of any other error is its text, without code and period", () => {
  assert.equal(reasonOf(new Error("Too odd. (os error 5)")), "Too odd");
  assert.equal(reasonOf(new RangeError("")), "RangeError");
  assert.equal(reasonOf("text"), "text");
});

Deno.test("connectError() and listenError() name action, address and reason", () => {
  const cause = Object.assign(new Error("x"), { code: "ECONNREFUSED" });
  const error = connectError("10.0.0.1:5", cause);
  assert.ok(error instanceof TransportError);
  assert.equal(error.message, "Cannot connect to 10.0.0.1:5: connection refused");
  assert.equal(error.address, "10.0.0.1:5");
  assert.equal(error.cause, cause);
  assert.equal(
    listenError("unix:/a", new Deno.errors.AddrInUse("x"), "ss -lxp").message,
    "Cannot listen on unix:/a: the address is in use; find the process with: ss -lxp",
  );
});

Deno.test("transportError() returns TransportErrors unchanged", () => {
  const error = new TransportError("broken", { address: "memory:a" });
  assert.equal(transportError("Cannot connect to", "memory:b", error), error);
});
