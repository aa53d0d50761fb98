// A server of echoes that each keep it busy for some microseconds: `server.ts BUSY_US`.
import { serve } from "../../../mod.ts";
import { EchoService } from "../../../proto/gen/vrpc/echo/v1/echo_pb.ts";

const busyMs = Number(Deno.args[0]) / 1000;
const server = await serve("127.0.0.1:0", (router) => {
  router.service(EchoService, {
    echo({ payload }) {
      const endMs = performance.now() + busyMs;
      while (performance.now() < endMs);
      return { payload };
    },
  });
});
console.log(`listening ${server.addresses[0]}`);
