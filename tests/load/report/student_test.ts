import assert from "node:assert/strict";
import { studentCdf, studentQuantile } from "../../../src/load/report/student.ts";

Deno.test("studentQuantile() has the values of the tables", () => {
  // NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2.
  const table: [probability: number, freedom: number, value: number][] = [
    ...[[0.975, 1, 12.706], [0.995, 1, 63.657], [0.995, 4, 4.604], [0.975, 9, 2.262]],
    ...[[0.995, 9, 3.25], [0.95, 20, 1.725], [0.99, 30, 2.457], [0.999, 100, 3.174]],
  ] as [number, number, number][];
  for (const [probability, freedom, value] of table) {
    const found = studentQuantile(probability, freedom);
    assert.ok(Math.abs(found - value) < 0.0006, `${probability} ${freedom}: ${found}`);
    assert.equal(studentQuantile(1 - probability, freedom).toFixed(6), (-found).toFixed(6));
  }
  assert.equal(studentQuantile(0.5, 3), 0);
  // The normal distribution is its limit.
  assert.ok(Math.abs(studentQuantile(0.975, 1e6) - 1.959964) < 1e-4);
});

Deno.test("studentCdf() is exact where it has a closed form", () => {
  for (const t of [-5, -0.3, 0, 0.7, 2, 40]) {
    assert.ok(Math.abs(studentCdf(t, 1) - (0.5 + Math.atan(t) / Math.PI)) < 1e-9, `${t}`);
    const two = 0.5 + t / (2 * Math.sqrt(2 + t * t));
    assert.ok(Math.abs(studentCdf(t, 2) - two) < 1e-9, `${t}`);
  }
});
