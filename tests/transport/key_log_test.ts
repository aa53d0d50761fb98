import assert from "node:assert/strict";
import { serve } from "../../mod.ts";
import { selfSigned } from "../../src/transport/certs.ts";

const CALL = `
  import { connect } from ${JSON.stringify(new URL("../../mod.ts", import.meta.url).href)};
  const [target, ca] = Deno.args;
  await using channel = connect(target, { tls: { ca } });
  await channel.call("/a.B/C", new Uint8Array(3));
`;
Deno.test("SSLKEYLOGFILE has Deno log the secrets of a channel without a client certificate", async () => {
  const { cert, key } = await selfSigned();
  await using server = await serve("127.0.0.1:0", (router) => {
    router.method("/a.B/C", {}, (request) => request);
  }, { tls: { cert, key } });
  const target = server.addresses[0].replace("127.0.0.1", "localhost");
  const file = await Deno.makeTempFile();
  const program = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(program, CALL);
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--config", config, program, target, cert],
    env: { SSLKEYLOGFILE: file, DENO_NO_UPDATE_CHECK: "1" },
  }).output();
  assert.ok(success);
  const found = (await Deno.readTextFile(file)).split("\n").map((line) => line.split(" ")[0]);
  await Deno.remove(file);
  await Deno.remove(program);
  assert.ok(found.includes("CLIENT_TRAFFIC_SECRET_0"), `${found}`);
  assert.ok(found.includes("SERVER_TRAFFIC_SECRET_0"), `${found}`);
});
