/**
 * The Kubernetes manifests. There is no schema of Kubernetes to be had that refuses unknown fields, but there are types:
 * the compiler holds each manifest against the type of its kind, and so refuses what is misspelt, missing or of a wrong kind.
 */
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { StatefulSet } from "kubernetes-types/apps/v1.js";
import { afterAll, describe, expect, it } from "vitest";
import { drainDelayMsDefault } from "../../src/cli/serve/gateway-command.js";
import { drainTimeoutMs, stopMarginMs } from "../../src/core/limits.js";
import { imageEnvironment, readManifests, type Manifest, type PodSpec } from "../support/deploy-kit.js";
import { repository, Run, temporaryFolder } from "../support/processes.js";

const modules: Readonly<Record<string, string>> = {
  Deployment: "apps",
  StatefulSet: "apps",
  Service: "core",
  NetworkPolicy: "networking",
  PodDisruptionBudget: "policy",
};
const groups: Readonly<Record<string, string>> = { core: "v1", apps: "apps/v1", networking: "networking.k8s.io/v1" };
const folder = temporaryFolder();
symlinkSync(path.join(repository, "node_modules"), path.join(folder.path, "node_modules"));
afterAll(() => folder.remove());

/** What the compiler says of the manifests, each as a constant of its type. */
async function problemsOf(manifests: readonly Manifest[]): Promise<string> {
  const lines = manifests.map((manifest, index) => {
    const from = `kubernetes-types/${modules[manifest.kind] ?? expect.fail(`No type is known of ${manifest.kind}.`)}/v1`;
    return `export const m${index}: import(${JSON.stringify(from)}).${manifest.kind} = ${JSON.stringify(manifest)};`;
  });
  writeFileSync(path.join(folder.path, "manifests.ts"), lines.join("\n"));
  const compilerOptions = { module: "nodenext", strict: true, noEmit: true, types: [] };
  writeFileSync(path.join(folder.path, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["manifests.ts"] }));
  const run = new Run(path.join(repository, "node_modules/.bin/tsc"), ["-p", folder.path]);
  await run.ended();
  return run.stdout;
}

const manifests = readManifests();
const ofKind = (kind: string): readonly Manifest[] => manifests.filter((manifest) => manifest.kind === kind);
const workloads = manifests.flatMap(({ kind, metadata, spec }) =>
  spec.template === undefined ? [] : [{ kind, name: metadata.name, pod: spec.template.spec }],
);
const containerOf = (pod: PodSpec) => pod.containers[0] ?? expect.fail("There is no container.");

describe("deploy/kubernetes", () => {
  it("has manifests of the types of Kubernetes, where a misspelt field is noticed", async () => {
    expect(await problemsOf(manifests)).toBe("");
    const wrong = JSON.stringify(manifests)
      .replace("readinessProbe", "readynessProbe")
      .replace('"maxUnavailable":1', '"maxUnavailable":[]')
      .replace('"serviceName"', '"servicename"');
    expect((await problemsOf(JSON.parse(wrong) as Manifest[])).match(/ error TS/g)).toHaveLength(3);
  });

  it("names the version of the interface that each kind has", () => {
    for (const { kind, apiVersion } of manifests as readonly { kind: string; apiVersion?: string }[]) {
      const group = modules[kind] ?? "";
      expect([kind, apiVersion]).toEqual([kind, groups[group] ?? `${group}/v1`]);
    }
  });

  it("runs the image of this version", () => {
    const { version } = JSON.parse(readFileSync(path.join(repository, "package.json"), "utf8")) as { version: string };
    expect(workloads.map(({ pod }) => containerOf(pod).image)).toEqual(workloads.map(() => `shardgate:${version}`));
  });

  it("joins each service, budget and policy with pods that there are", () => {
    const labels = new Set(workloads.map(({ name }) => JSON.stringify({ app: name })));
    const selectors = [
      ...ofKind("Service").map(({ spec }) => spec["selector"]),
      ...ofKind("PodDisruptionBudget").map(({ spec }) => (spec["selector"] as { matchLabels: unknown }).matchLabels),
      ...ofKind("NetworkPolicy").map(({ spec }) => (spec["podSelector"] as { matchLabels: unknown }).matchLabels),
    ];
    expect(selectors).toHaveLength(6);
    expect(selectors.map((selector) => JSON.stringify(selector)).filter((selector) => !labels.has(selector))).toEqual(
      [],
    );
    expect(ofKind("PodDisruptionBudget").map(({ metadata }) => metadata.name)).toEqual(
      workloads.map(({ name }) => name),
    );
    for (const { name } of workloads) {
      const spec = manifests.find(({ metadata, spec }) => metadata.name === name && spec.template !== undefined)?.spec;
      expect(spec).toMatchObject({
        selector: { matchLabels: { app: name } },
        template: { metadata: { labels: { app: name } } },
      });
    }
  });

  it("lets storage nodes reach gateways that are not ready, which they need them for", () => {
    const registration = ofKind("Service").find(({ metadata }) => metadata.name === "shardgate-gateways");
    expect(registration?.spec).toMatchObject({ publishNotReadyAddresses: true, ports: [{ port: 4000 }] });
    const node = containerOf(
      workloads.find(({ kind }) => kind === "StatefulSet")?.pod ?? expect.fail("No StatefulSet."),
    );
    expect(node.args).toContain("--gateway=http://shardgate-gateways:4000");
  });

  it("gives storage nodes names and volumes of their own", () => {
    const [set] = ofKind("StatefulSet") as unknown as readonly StatefulSet[];
    const headless = ofKind("Service").find(({ metadata }) => metadata.name === set?.spec?.serviceName);
    expect(headless?.spec["clusterIP"]).toBe("None");
    const claims = set?.spec?.volumeClaimTemplates?.map(({ metadata }) => metadata?.name);
    expect(set?.spec?.template.spec?.containers[0]?.volumeMounts).toContainEqual({
      name: claims?.[0],
      mountPath: imageEnvironment()["SHARDGATE_DATA"],
    });
  });

  it.each(workloads)("gives $name more time to stop than it takes, and liveness more patience", ({ kind, pod }) => {
    const drainDelayMs = kind === "Deployment" ? drainDelayMsDefault : 0;
    const stopMs = drainDelayMs + drainTimeoutMs + stopMarginMs;
    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThan(stopMs);
    const { periodSeconds, failureThreshold } = containerOf(pod)["livenessProbe"] as Readonly<Record<string, number>>;
    // While it finishes its last requests it takes no further connection.
    expect((periodSeconds ?? 0) * (failureThreshold ?? 0) * 1000).toBeGreaterThan(drainTimeoutMs);
  });

  it.each(workloads)(
    "gives $name no variables of services, of which the program would take one for an option",
    ({ pod }) => {
      // Kubernetes describes each service in variables that begin with its name, and SHARDGATE_PORT is `--port`.
      const variables = ofKind("Service").map(
        ({ metadata }) => `${metadata.name.toUpperCase().replaceAll("-", "_")}_PORT`,
      );
      expect(variables).toContain("SHARDGATE_PORT");
      expect(pod).toMatchObject({ enableServiceLinks: false });
    },
  );

  it.each(workloads)("lets $name do no more than serve", ({ pod }) => {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    });
    expect(containerOf(pod)["securityContext"]).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
  });
});
