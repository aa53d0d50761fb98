import assert from "node:assert/strict";
import {
  cellOf,
  DOORS,
  openDoor,
  problemsOf,
  smugglingPage,
  titleOf,
  versionOf,
} from "./smuggling.ts";
import { SMUGGLING_CASES } from "./smuggling_cases.ts";

const page = await smugglingPage();

/** The page's cells of one column, by the group, title and rule of their case. */
function columnOf(index: number): Map<string, string> {
  const column = new Map<string, string>();
  let group = "";
  for (const line of page.split("\n")) {
    if (line.startsWith("## ")) group = line.slice(3);
    const cells = line.split("|").map((cell) => cell.trim()).slice(1, -1);
    if (group !== "" && cells.length > index && !/^(case|-+)$/.test(cells[0])) {
      column.set(`${group}: ${cells[0]} (${cells[1]})`, cells[index]);
    }
  }
  return column;
}

for (const [i, name] of DOORS.entries()) {
  const { front } = name;
  const version = front === undefined ? undefined : await versionOf(front);
  const missing = front !== undefined && version === undefined;
  const why = missing ? ` (skipped: ${front} is not installed)` : "";
  Deno.test({
    name: `no request is smuggled: ${titleOf(name)}${why}`,
    ignore: missing,
    async fn(t) {
      await using door = await openDoor(name);
      const cells = new Map<string, string>();
      for (const one of SMUGGLING_CASES) {
        const title = `${one.group}: ${one.title} (${one.rule})`;
        await t.step(title, async () => {
          const outcome = await door.run(one);
          cells.set(title, cellOf(outcome));
          assert.deepEqual(problemsOf(outcome), []);
        });
      }
      const measured = front === undefined || page.includes(`${front} ${version}`);
      await t.step({
        name: measured ? "docs/smuggling.md says so" : "docs/smuggling.md has another version",
        ignore: !measured,
        fn: () => assert.deepEqual(cells, columnOf(2 + i)),
      });
    },
  });
}
