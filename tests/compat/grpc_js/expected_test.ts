import assert from "node:assert/strict";
import { join } from "node:path";
import { EXAMPLE_FAILURES, EXPECTED_FAILURES, NICE_GRPC_FAILURES } from "./suite/expected.ts";
import { failureTable } from "./suite/judge.ts";

const PAGE = join(import.meta.dirname!, "../../../docs/grpc-js.md");

Deno.test("docs/grpc-js.md explains each case of the suites that fails", async () => {
  const page = await Deno.readTextFile(PAGE);
  for (const failures of [EXPECTED_FAILURES, EXAMPLE_FAILURES, NICE_GRPC_FAILURES]) {
    assert.ok(page.includes(failureTable(failures)), `the page lacks:\n${failureTable(failures)}`);
  }
});
