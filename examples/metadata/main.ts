/**
 * Metadata: request metadata, response headers and trailers, several values, bytes, and fields that every call has.
 *
 *     deno run -A examples/metadata/main.ts
 *
 * @module
 */

import { connect, type Interceptor, Metadata, serve } from "@vrpc/vrpc";

await using server = await serve("127.0.0.1:0", (router) => {
  router.method("/orders/list", {}, (request, { metadata, responseHeaders, responseTrailers }) => {
    console.log(`tenant: ${metadata.get("x-tenant")}`); // keys are matched without regard to case
    console.log(`tags: ${metadata.getAll("x-tag").join(", ")}`);
    console.log(`key: ${metadata.get("x-key-bin")}`); // bytes
    responseHeaders.set("x-served-by", "pod-3"); // before the first reply
    responseTrailers.set("x-rows-read", "17"); // after the last one, also if the call fails
    return request;
  });
});

const tenant: Interceptor = (next) => (call) => {
  call.metadata.set("x-tenant", "acme");
  return next(call);
};
await using channel = connect(server.addresses[0], { interceptors: [tenant] });

const metadata = new Metadata({ "X-Tag": "red" });
metadata.append("x-tag", "blue");
metadata.set("x-key-bin", new Uint8Array([1, 2, 255])); // a name that ends in -bin takes bytes

await channel.call("/orders/list", new Uint8Array(), {
  metadata,
  onHeaders: (headers) => console.log(`served by: ${headers.get("x-served-by")}`),
  onTrailers: (trailers) => console.log(`rows read: ${trailers.get("x-rows-read")}`),
});

// What no header may have is refused where it is set.
try {
  metadata.set("x-name", "Zoë");
} catch (error) {
  console.log(`${(error as Error).name}: ${(error as Error).message}`);
}
