/** A handler of the Fetch API where the runtime has no sockets. */

import assert from "node:assert/strict";

const SOURCE = new URL("../../../src/rpc/fetch/mod.ts", import.meta.url).href;
const ECHO = new URL("../../../proto/gen/vrpc/echo/v1/echo_pb.ts", import.meta.url).href;

const PROGRAM = `
const SOCKETS = ["listen", "listenTls", "listenDatagram", "connect", "connectTls", "startTls", "serve"];
for (const name of [...SOCKETS, "resolveDns", "unrefTimer", "FsFile"]) delete Deno[name];
const { fetchHandler } = await import(${JSON.stringify(SOURCE)});
const { EchoService } = await import(${JSON.stringify(ECHO)});
const handler = fetchHandler((router) => {
  router.service(EchoService, { echo: ({ payload }) => ({ payload }) });
  router.method("/fails", {}, () => { throw new Error("a failure that is logged"); });
}, { compress: true });
const call = (path, format) => handler(new Request("http://a" + path, {
  method: "POST",
  headers: { "content-type": "application/" + format, "connect-timeout-ms": "5000" },
  body: JSON.stringify({ payload: "AQID" }),
}));
const answers = [
  await call("/vrpc.echo.v1.EchoService/Echo", "json"),
  await call("/fails", "proto"),
  await call("/no", "proto"),
];
for (const answer of answers) console.log(answer.status, await answer.text());
await handler.close();
console.log(typeof Deno.listen);
`;

Deno.test("fetchHandler works where there are no sockets", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", "--no-check", `--config=${config()}`, PROGRAM],
    env: { NO_COLOR: "1" },
  }).output();
  const printed = new TextDecoder().decode(stdout);
  assert.equal(code, 0, printed + new TextDecoder().decode(stderr));
  const expected = [
    '200 {"payload":"AQID"}',
    '500 {"code":"unknown","message":"The handler failed"}',
    '404 {"code":"unimplemented","message":"Unknown method /no"}',
    "undefined",
  ];
  assert.deepEqual(printed.trim().split("\n"), expected);
});

function config(): string {
  return new URL("../../../deno.json", import.meta.url).pathname;
}
