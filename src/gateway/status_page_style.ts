/**
 * Style of the status page.
 *
 * @module
 */

/** Style sheet: light and dark, wide and narrow. */
export const STATUS_PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --page: light-dark(#f6f7f9, #14171c); --panel: light-dark(#fff, #1d2129);
  --ink: light-dark(#1b2330, #e7ebf2); --soft: light-dark(#5b6778, #98a4b5);
  --line: light-dark(#dde2e9, #323946); --accent: light-dark(#1858c8, #78aaff);
  --on-accent: light-dark(#fff, #0c1526); --good: light-dark(#157347, #59c98c);
  --bad: light-dark(#b3261e, #ff8a80); --hover: light-dark(#eaf0fb, #273249);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
header, main { max-width: 72rem; margin: 0 auto; padding: 1.25rem; }
header { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: baseline; }
header a { margin-left: auto; }
a { color: var(--accent); }
h1 { font-size: 1.3rem; margin: 0; }
#state { font-weight: 600; }
#state.good { color: var(--good); } #state.bad, .bad { color: var(--bad); }
main { display: grid; grid-template-columns: minmax(14rem, 22rem) minmax(0, 1fr); gap: 1.25rem; padding-top: 0; align-items: start; }
section { background: var(--panel); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem; min-width: 0; }
h2 { font-size: 1rem; margin: 0 0 .75rem; overflow-wrap: anywhere; }
form + h2, div + h2 { margin-top: 1.5rem; }
p { margin: 0 0 .75rem; color: var(--soft); white-space: pre-line; overflow-wrap: anywhere; }
p:empty { display: none; }
ul { list-style: none; margin: 0; padding: 0; }
#methods button { width: 100%; text-align: left; background: none; color: inherit; border: 0; border-radius: .4rem;
  padding: .45rem .6rem; font: inherit; cursor: pointer; overflow-wrap: anywhere; }
#methods button small { display: block; color: var(--soft); }
#methods button:hover, #methods button[aria-current=true] { background: var(--hover); }
#methods button:disabled { opacity: .5; cursor: default; }
#rules { font: 13px/1.6 ui-monospace, monospace; color: var(--soft); overflow-wrap: anywhere; }
label { display: block; margin: .75rem 0 .3rem; color: var(--soft); font-size: .875rem; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
input, textarea, pre { width: 100%; font: 14px/1.5 ui-monospace, monospace; border: 1px solid var(--line);
  border-radius: .4rem; padding: .6rem; background: var(--page); color: var(--ink); }
#filter { margin-bottom: .5rem; font-family: inherit; }
textarea { min-height: 9rem; resize: vertical; }
pre { margin: 0; min-height: 4rem; max-height: 30rem; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
.actions { display: flex; gap: .6rem; margin-top: .75rem; }
.actions button { background: var(--accent); color: var(--on-accent); border: 1px solid var(--accent);
  border-radius: .4rem; padding: .55rem 1.2rem; font: inherit; font-weight: 600; cursor: pointer; }
#stop { background: none; color: var(--accent); }
.actions button:disabled { opacity: .5; cursor: default; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.fields { border-top: 1px solid var(--line); }
.fields .fields { margin: .4rem 0 0 .25rem; padding-left: .75rem; border-top: 0; border-left: 2px solid var(--line); }
.field { display: flow-root; padding: .5rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
.fields .fields .field:last-child { border-bottom: 0; padding-bottom: 0; }
.field code { font: 14px/1.4 ui-monospace, monospace; font-weight: 600; }
.field .type { color: var(--soft); font: 13px/1.4 ui-monospace, monospace; margin-left: .5rem; }
.field p { margin: .2rem 0 0; font-size: .875rem; }
.field .add { float: right; margin-left: .5rem; background: none; border: 1px solid var(--line); border-radius: .4rem;
  color: var(--accent); font: inherit; font-size: .8rem; padding: .15rem .6rem; min-height: 2rem; cursor: pointer; }
summary { cursor: pointer; color: var(--accent); font-size: .875rem; padding: .25rem 0; }
@media (max-width: 44rem) {
  main { grid-template-columns: minmax(0, 1fr); }
  #methods { max-height: 16rem; overflow: auto; }
}
`;
