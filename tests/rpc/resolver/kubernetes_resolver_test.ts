import assert from "node:assert/strict";
import { addressesOf } from "../../../src/rpc/resolver/endpoint_slices.ts";
import { kubernetesResolver, type ResolverUpdate } from "../../../src/rpc/resolver/mod.ts";
import { parseResolverTarget } from "../../../src/rpc/resolver/registry.ts";
import { systemClock } from "../../../src/rpc/core/system_clock.ts";

/** An EndpointSlice in the shape in which an API server of version 1.31 sends it. */
const slice = (name: string, version: number, ips: Record<string, boolean | null>) => ({
  kind: "EndpointSlice",
  apiVersion: "discovery.k8s.io/v1",
  metadata: {
    name,
    namespace: "shop",
    resourceVersion: String(version),
    labels: { "kubernetes.io/service-name": "orders" },
  },
  addressType: "IPv4",
  endpoints: Object.entries(ips).map(([ip, ready]) => ({
    addresses: [ip],
    conditions: { ready, serving: ready, terminating: false },
    nodeName: "node-1",
    zone: "eu-1a",
  })),
  ports: [{ name: "grpc", port: 50051, protocol: "TCP" }, { name: "metrics", port: 9090 }],
});

/** An API server whose watches a test feeds. */
class FakeApiServer implements AsyncDisposable {
  items: unknown[] = [];
  version = 100;
  status = 200;
  readonly requests: URL[] = [];
  readonly tokens: (string | null)[] = [];
  #watch: ReadableStreamDefaultController<Uint8Array> | undefined = undefined;
  #opened = Promise.withResolvers<void>();
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => this.#answer(request),
  );

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  #answer(request: Request): Response {
    const url = new URL(request.url);
    this.requests.push(url);
    this.tokens.push(request.headers.get("authorization"));
    if (this.status !== 200) return new Response("no", { status: this.status });
    if (!url.searchParams.has("watch")) {
      return Response.json({
        metadata: { resourceVersion: String(this.version) },
        items: this.items,
      });
    }
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#watch = controller;
        this.#opened.resolve();
      },
    });
    return new Response(body);
  }

  /** Sends a part of the stream of events, once there is a watch. */
  async send(text: string): Promise<void> {
    await this.#opened.promise;
    this.#watch!.enqueue(new TextEncoder().encode(text));
  }

  event(type: string, object: unknown): Promise<void> {
    return this.send(JSON.stringify({ type, object }) + "\n");
  }

  /** Ends the watch, as an API server does after some minutes. */
  async end(): Promise<void> {
    await this.#opened.promise;
    this.#opened = Promise.withResolvers();
    this.#watch!.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

Deno.test("addresses are those of ready endpoints at the wanted port", () => {
  const slices = [
    slice("a", 1, { "10.0.0.2": true, "10.0.0.1": null, "10.0.0.9": false }),
    { ...slice("b", 2, { "10.0.0.2": true, "fd00::1": true }), addressType: "IPv6" },
    { metadata: { name: "c" }, endpoints: null, ports: null },
  ];
  const texts = (port: string) => addressesOf(slices, port).map((one) => one.address);
  assert.deepEqual(texts("grpc"), ["10.0.0.1:50051", "10.0.0.2:50051", "[fd00::1]:50051"]);
  assert.deepEqual(texts(""), texts("grpc"));
  assert.deepEqual(texts("9000")[0], "10.0.0.1:9000");
  assert.deepEqual(texts("other"), []);
  assert.deepEqual(addressesOf(slices, "")[0].attributes, { zone: "eu-1a", nodeName: "node-1" });
});

Deno.test("a service is listed and watched, across ends of the watch and old versions", async () => {
  const folder = await Deno.makeTempDir();
  await using api = new FakeApiServer();
  const abort = new AbortController();
  try {
    const tokenFile = `${folder}/token`;
    await Deno.writeTextFile(tokenFile, "secret\n");
    const resolver = kubernetesResolver({ apiServer: api.url, tokenFile, caFile: "" });
    api.items = [slice("orders-1", 90, { "10.0.0.1": true })];
    const updates = resolver.watch(parseResolverTarget("kubernetes://shop/orders:grpc"), {
      signal: abort.signal,
      clock: systemClock,
      random: Math.random,
      reresolution: () => new Promise(() => {}),
      log() {},
    })[Symbol.asyncIterator]();
    const next = async () => {
      const { value } = await updates.next();
      return (value as ResolverUpdate).addresses.map((one) =>
        (one as { address: string }).address.replace(/^10\.0\.0\.|:50051$/g, "")
      ).join();
    };
    assert.equal(await next(), "1");
    const more = next();
    // An event in two parts, after a bookmark.
    await api.event("BOOKMARK", { metadata: { resourceVersion: "101" } });
    const added = JSON.stringify({
      type: "ADDED",
      object: slice("orders-2", 102, { "10.0.0.2": true }),
    });
    await api.send(added.slice(0, 40));
    await api.send(added.slice(40) + "\n");
    assert.equal(await more, "1,2");
    const fewer = next();
    await api.event("MODIFIED", slice("orders-1", 103, { "10.0.0.1": false }));
    assert.equal(await fewer, "2");
    const none = next();
    await api.end();
    await api.event("DELETED", slice("orders-2", 104, {}));
    assert.equal(await none, "");
    const again = next();
    api.items = [slice("orders-3", 200, { "10.0.0.7": true })];
    await api.event("ERROR", { kind: "Status", code: 410, reason: "Expired", metadata: {} });
    assert.equal(await again, "7");
    assert.deepEqual(api.requests.map((url) => url.searchParams.get("resourceVersion")), [
      null,
      "100",
      "103",
      null,
    ]);
    const [{ pathname, searchParams }] = api.requests;
    assert.equal(pathname, "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices");
    assert.equal(searchParams.get("labelSelector"), "kubernetes.io/service-name=orders");
    assert.deepEqual(new Set(api.tokens), new Set(["Bearer secret"]));
    const over = updates.next().catch((error) => error);
    abort.abort();
    await over;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("an answer other than 200 is an error", async () => {
  await using api = new FakeApiServer();
  api.status = 403;
  const resolver = kubernetesResolver({ apiServer: api.url, tokenFile: "", caFile: "" });
  const updates = resolver.watch(parseResolverTarget("kubernetes://shop/orders"), {
    signal: new AbortController().signal,
    clock: systemClock,
    random: Math.random,
    reresolution: () => new Promise(() => {}),
    log() {},
  });
  await assert.rejects(updates[Symbol.asyncIterator]().next(), /The API server answered 403/);
});
