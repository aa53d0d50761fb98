import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { compareRuns } from "../../../src/load/report/compare.ts";
import { htmlReport } from "../../../src/load/report/html.ts";
import { findChromium, HEADLESS } from "../../fixtures/browser.ts";
import {
  frozenRun,
  knownLatency,
  plan,
  simulate,
  simulatedTarget,
  stagedRun,
} from "../fixtures.ts";
import { VirtualTime } from "../virtual_time.ts";

const chromium = await findChromium();
const why = chromium === undefined ? " (skipped: chromium is not installed)" : "";

/** Runs chromium with a new profile; returns its output. */
async function browse(folder: string, args: string[]): Promise<string> {
  const profile = await Deno.makeTempDir({ dir: folder });
  const { stdout } = await new Deno.Command(chromium!, {
    args: [...HEADLESS, `--user-data-dir=${profile}`, ...args],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}

async function writePage(folder: string, name: string, compare: boolean): Promise<string> {
  const time = new VirtualTime();
  const target = simulatedTarget(time, 200, knownLatency, { byteLength: 80 }, 400);
  const open = plan({ mode: "open", ratePerSecond: 500, durationMs: 15_000 });
  const { run } = await simulate(time, target, open);
  // Records errors of the page, and whether content overflows.
  const observer = `<script>
    addEventListener("error", (event) => document.documentElement.dataset.error = event.message);
    addEventListener("load", () => {
      const { scrollWidth, clientWidth } = document.documentElement;
      document.documentElement.dataset.sticksOut = String(Math.max(0, scrollWidth - clientWidth));
    });
  </script>`;
  const page = htmlReport([run, run], compare ? [compareRuns(run, run)] : []);
  const file = join(folder, name);
  await Deno.writeTextFile(file, page.replace("<style>", observer + "<style>"));
  return pathToFileURL(file).href;
}

Deno.test("htmlReport() loads nothing from the network and escapes its data", async () => {
  const title = `</script><script>alert("x")</script>`;
  const page = htmlReport([{ ...await frozenRun(1000), title }]);
  assert.doesNotMatch(page, /(src|href)=|url\(|@import|<link|fetch\(|XMLHttpRequest/);
  assert.doesNotMatch(page, /<script>alert/);
  assert.match(page, /&lt;script&gt;alert/);
});

Deno.test({
  name: `htmlReport() draws every chart, wide and narrow, without errors${why}`,
  ignore: chromium === undefined,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      for (const compare of [false, true]) {
        const url = await writePage(folder, `report-${compare}.html`, compare);
        for (const size of ["1280,900", "500,900"]) {
          const dom = await browse(folder, [`--window-size=${size}`, "--dump-dom", url]);
          assert.match(dom, /<html[^>]* data-drawn="10"/, `${size}: all charts of both runs`);
          assert.match(dom, /<html[^>]* data-sticks-out="0"/, `${size}: nothing sticks out`);
          assert.doesNotMatch(dom, /<html[^>]* data-error=/);
          assert.equal(dom.match(/<canvas/g)?.length, 10);
        }
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: `htmlReport() looks different in the dark${why}`,
  ignore: chromium === undefined,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const url = await writePage(folder, "report.html", false);
      const screenshot = async (name: string, ...args: string[]) => {
        const file = join(folder, name);
        await browse(folder, ["--window-size=1280,900", `--screenshot=${file}`, ...args, url]);
        return await Deno.readFile(file);
      };
      const light = await screenshot("light.png", "--blink-settings=preferredColorScheme=1");
      const dark = await screenshot("dark.png", "--blink-settings=preferredColorScheme=0");
      for (const image of [light, dark]) {
        assert.equal(new TextDecoder("latin1").decode(image.subarray(1, 4)), "PNG");
        assert.ok(image.length > 20_000, "there is something to see");
      }
      assert.notDeepEqual(light, dark);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("htmlReport() shows stages, methods and tags", async () => {
  const page = htmlReport([await stagedRun()]);
  assert.match(page, /<h2>Stages<\/h2>.*<td>peak<\/td><td>1 s at 1,000\/s<\/td>/);
  assert.match(page, /<h2>Methods<\/h2>.*<td>shop\.v1\.Orders\/M2<\/td>/);
  assert.match(page, /<td>Tag build<\/td><td>7 &lt;b&gt;<\/td>/);
});
