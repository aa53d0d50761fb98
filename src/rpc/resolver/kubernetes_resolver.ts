/**
 * A resolver of Kubernetes services, which watches their EndpointSlices at the API server.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { textOf } from "../../errors.ts";
import { addressesOf, type EndpointSlice } from "./endpoint_slices.ts";
import { pause } from "./waiting.ts";
import type { NameResolver, ResolverContext, ResolverTarget, ResolverUpdate } from "./types.ts";

/** Options of {@link kubernetesResolver}. */
export interface KubernetesResolverOptions {
  /** URL of the API server. Default `https://kubernetes.default.svc`. */
  readonly apiServer?: string;
  /** File with the token of the service account, read for each request; empty for none. Default that of the pod. */
  readonly tokenFile?: string;
  /** File with the authorities of the API server, in PEM; empty for those of the system. Default that of the pod. */
  readonly caFile?: string;
  /** Namespace of targets that name none. Default that of the pod. */
  readonly namespace?: string;
}

const POD = "/var/run/secrets/kubernetes.io/serviceaccount";
// Wait before a watch that has ended is begun again: a proxy may end each at once.
const REWATCH_MS = 1_000;
const MAX_LINE_CHARACTERS = 16 * 1024 * 1024;

/**
 * Makes a resolver of targets `kubernetes:///service:port` and `kubernetes://namespace/service:port`. The port is a name or a
 * number of the service's EndpointSlices, by default their first. Addresses have the attributes `zone` and `nodeName`. Needs
 * the permission to list and watch `endpointslices` of the group `discovery.k8s.io`.
 */
export function kubernetesResolver(options: KubernetesResolverOptions = {}): NameResolver {
  return { watch: (target, context) => watchService(target, options, context) };
}

async function* watchService(
  target: ResolverTarget,
  options: KubernetesResolverOptions,
  context: ResolverContext,
): AsyncGenerator<ResolverUpdate | Error> {
  const match = /^([a-z0-9.-]+)(?::([a-z0-9-]+))?$/.exec(target.path);
  if (match === null) {
    throw new TypeError("expected, for example, kubernetes://namespace/service:port");
  }
  const [, service, port = ""] = match;
  const api = new ApiServer(options, context.signal);
  const namespace = target.authority || options.namespace ||
    (await readFile(`${POD}/namespace`, "utf8")).trim();
  const path = `/apis/discovery.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}` +
    `/endpointslices?labelSelector=${encodeURIComponent(`kubernetes.io/service-name=${service}`)}`;
  while (!context.signal.aborted) {
    const list = JSON.parse(await api.text(path));
    const slices = new Map<string, EndpointSlice>();
    for (const slice of list.items as EndpointSlice[]) slices.set(slice.metadata.name, slice);
    let version: string | undefined = list.metadata.resourceVersion;
    yield { addresses: addressesOf(slices.values(), port) };
    // The API server ends each watch after some minutes; the next one goes on from the latest version.
    for (let first = true; version !== undefined && !context.signal.aborted; first = false) {
      if (!first && !await pause(REWATCH_MS, context)) return;
      const query = `&watch=1&allowWatchBookmarks=true&resourceVersion=${version}`;
      for await (const line of api.lines(path + query)) {
        const { type, object } = JSON.parse(line) as { type: string; object: EndpointSlice };
        // The version is too old (410): lists again.
        if (type === "ERROR") {
          version = undefined;
          break;
        }
        version = object.metadata.resourceVersion ?? version;
        if (type === "BOOKMARK") continue;
        if (type === "DELETED") slices.delete(object.metadata.name);
        else slices.set(object.metadata.name, object);
        yield { addresses: addressesOf(slices.values(), port) };
      }
    }
  }
}

/** The API server of a cluster. */
class ApiServer {
  readonly #options: KubernetesResolverOptions;
  readonly #signal: AbortSignal;

  constructor(options: KubernetesResolverOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  /** Returns the body of an answer. */
  async text(path: string): Promise<string> {
    let text = "";
    for await (const chunk of await this.#get(path)) text += chunk;
    return text;
  }

  /** Yields the lines of an answer as they arrive. */
  async *lines(path: string): AsyncGenerator<string> {
    const response = await this.#get(path);
    try {
      let rest = "";
      for await (const chunk of response) {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop()!;
        if (rest.length > MAX_LINE_CHARACTERS) throw new Error("an event has more than 16 MiB");
        yield* lines.filter((line) => line !== "");
      }
    } finally {
      response.destroy();
    }
  }

  async #get(path: string): Promise<IncomingMessage> {
    const { apiServer = "https://kubernetes.default.svc" } = this.#options;
    const { tokenFile = `${POD}/token`, caFile = `${POD}/ca.crt` } = this.#options;
    const url = new URL(path, apiServer);
    const headers: Record<string, string> = { accept: "application/json" };
    if (tokenFile !== "") {
      headers.authorization = `Bearer ${(await readFile(tokenFile, "utf8")).trim()}`;
    }
    const secure = url.protocol === "https:";
    const ca = secure && caFile !== "" ? await readFile(caFile) : undefined;
    const options = { headers, ca, signal: this.#signal };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = secure ? requestHttps(url, options) : requestHttp(url, options);
      request.on("response", resolve);
      request.on("error", reject);
      request.end();
    });
    response.setEncoding("utf8");
    if (response.statusCode === 200) return response;
    response.destroy();
    throw new Error(
      `The API server answered ${response.statusCode} ${textOf(response.statusMessage)}`,
    );
  }
}
