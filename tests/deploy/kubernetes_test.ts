import assert from "node:assert/strict";
import { Gateway } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/Gateway";
import { GRPCRoute } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/GRPCRoute";
import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { Service } from "kubernetes-models/v1/Service";
import { parseAllDocuments } from "yaml";
import { EchoService } from "../../src/services/descriptors/echo.ts";
import { Processes } from "../fixtures/processes.ts";

/** A manifest; what the schemas say of it is checked by its model. */
// deno-lint-ignore no-explicit-any -- documents of several kinds
type Manifest = any;

/** Models with the published schemas, by API version and kind. */
const MODELS: Record<string, new (manifest: Manifest) => { validate(): void }> = {
  "apps/v1 Deployment": Deployment,
  "autoscaling/v2 HorizontalPodAutoscaler": HorizontalPodAutoscaler,
  "gateway.networking.k8s.io/v1 GRPCRoute": GRPCRoute,
  "gateway.networking.k8s.io/v1 Gateway": Gateway,
  "policy/v1 PodDisruptionBudget": PodDisruptionBudget,
  "v1 Service": Service,
};

const folder = new URL("../../deploy/kubernetes/", import.meta.url);
const manifests: Manifest[] = [];
for (const name of ["plain.yaml", "gateway.yaml", "hpa.yaml"]) {
  for (const document of parseAllDocuments(Deno.readTextFileSync(new URL(name, folder)))) {
    assert.deepEqual(document.errors, [], name);
    manifests.push(document.toJS());
  }
}
const find = (kind: string): Manifest => manifests.find((one) => one.kind === kind);

function validate(manifest: Manifest): void {
  const name = `${manifest.apiVersion} ${manifest.kind}`;
  assert.ok(name in MODELS, `${name} has no schema here`);
  new MODELS[name](manifest).validate();
}

Deno.test("the manifests are valid by the schemas of Kubernetes and of the Gateway API", () => {
  assert.deepEqual(
    manifests.map(({ kind }) => kind).sort(),
    Object.keys(MODELS).map((name) => name.split(" ")[1]).sort(),
  );
  for (const manifest of manifests) validate(manifest);
});

Deno.test("the schemas refuse manifests with a wrong value", () => {
  const broken: [kind: string, spoil: (manifest: Manifest) => void][] = [
    ["Deployment", ({ spec }) => spec.replicas = "three"],
    ["Deployment", ({ spec }) => delete spec.selector],
    ["HorizontalPodAutoscaler", ({ spec }) => delete spec.maxReplicas],
    ["GRPCRoute", ({ spec }) => spec.rules[0].backendRefs[0].port = 70_000],
    ["Service", ({ spec }) => spec.ports = "50051"],
  ];
  for (const [kind, spoil] of broken) {
    const manifest = structuredClone(find(kind));
    spoil(manifest);
    assert.throws(() => validate(manifest), kind);
  }
});

Deno.test("the manifests fit together", () => {
  const { name } = find("Deployment").metadata;
  const { labels } = find("Deployment").spec.template.metadata;
  for (const kind of ["Service", "Deployment", "PodDisruptionBudget"]) {
    const { selector } = find(kind).spec;
    assert.deepEqual(selector.matchLabels ?? selector, labels, kind);
  }
  assert.equal(find("HorizontalPodAutoscaler").spec.scaleTargetRef.name, name);
  const [rule] = find("GRPCRoute").spec.rules;
  const service = find("Service");
  assert.equal(rule.backendRefs[0].name, service.metadata.name);
  assert.ok(service.spec.ports.some(({ port }: Manifest) => port === rule.backendRefs[0].port));
  assert.equal(rule.matches[0].method.service, EchoService.typeName);
  assert.equal(find("GRPCRoute").spec.parentRefs[0].name, find("Gateway").metadata.name);
});

Deno.test("the server takes the deployment's arguments, and exports the autoscaler's metric", async () => {
  const [container] = find("Deployment").spec.template.spec.containers;
  // Ports of the container are not free here.
  const args = container.args.map((arg: string) => arg.replace(/0\.0\.0\.0:\d+/, "127.0.0.1:0"));
  await using processes = new Processes();
  const child = processes.program("server", args);
  await child.address();
  const [, url] = await child.line(/^metrics (\S+)$/);
  const text = await (await fetch(url)).text();
  const [{ pods }] = find("HorizontalPodAutoscaler").spec.metrics;
  assert.match(text, new RegExp(`^${pods.metric.name}[ {]`, "m"));
  const grace = args.find((arg: string) => arg.startsWith("--grace-ms=")).split("=")[1];
  const { terminationGracePeriodSeconds } = find("Deployment").spec.template.spec;
  const { seconds } = container.lifecycle.preStop.sleep;
  assert.ok(terminationGracePeriodSeconds * 1_000 > Number(grace) + seconds * 1_000);
});
