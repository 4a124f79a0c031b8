/**
 * The commands of docs/how-to/deploy.md in a folder of the test, which takes the place of a machine's root. Programs that
 * would change the machine, or need another one, only write down what they were called with; it is compared with deploy/.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CommandPlace } from "../support/command-place.js";
import { deployFolder, kitFile, readCompose, readManifests, settingIn } from "../support/deploy-kit.js";
import { untilReady } from "../support/gateway-calls.js";
import { examplesIn, type Example } from "../support/markdown-examples.js";
import { repository, type Run } from "../support/processes.js";

const examples = examplesIn("docs/how-to/deploy.md");
let place: CommandPlace;
const servers: Run[] = [];

beforeAll(async () => {
  place = await CommandPlace.open();
  cpSync(deployFolder, path.join(place.path, "deploy"), {
    recursive: true,
    filter: (file) => path.basename(file) !== "secrets",
  });
  for (const name of ["docker", "kubectl", "npm", "systemctl", "useradd"]) {
    place.write(`bin/${name}`, `#!/bin/sh\necho "${name} $*" >> ${place.path}/called\n`, 0o755);
  }
  // The real one, which knows no group of that name here.
  place.write(
    "bin/install",
    `#!/bin/bash\nargs="$*"\nexec /usr/bin/install \${args/-g shardgate/-g $(id -gn)}\n`,
    0o755,
  );
  mkdirSync(path.join(place.path, "etc/systemd/system"), { recursive: true });
  const installed = path.join(place.path, "opt/shardgate/node_modules/shardgate");
  mkdirSync(installed, { recursive: true });
  symlinkSync(path.join(place.path, "deploy"), path.join(installed, "deploy"));
  symlinkSync(path.join(repository, "dist"), path.join(installed, "dist"));
});
afterAll(async () => {
  await Promise.all(servers.map((run) => run.stop()));
  place.remove();
});

const files = (folder: string): readonly string[] => readdirSync(path.join(place.path, folder)).toSorted();

/** Runs the commands, and resolves to what they called. */
async function run(code: string): Promise<readonly string[]> {
  place.write("called", "");
  const here = code
    .replace(/(?<=\s)\/(?=opt\/|etc\/)/g, `${place.path}/`)
    .replace("127.0.0.1:8080", new URL(place.origin).host);
  await place.run(here);
  return readFileSync(path.join(place.path, "called"), "utf8").replaceAll(`${place.path}/`, "/").trim().split("\n");
}

function exampleWith(command: string): Example {
  const found = examples.filter(({ code }) => code.includes(command));
  expect(found).toHaveLength(1);
  return found[0] ?? expect.fail();
}

describe("docs/how-to/deploy.md", () => {
  it("has five blocks, which these tests run", () => {
    expect(examples.map(({ language }) => language)).toEqual(["sh", "sh", "sh", "sh", "sh"]);
    expect(examples.filter(({ promised }) => promised !== null)).toEqual([]);
  });

  it("makes the secrets that the compose file and the manifests want", async () => {
    await run(exampleWith("shardgate token").code);
    const wanted = Object.values(readCompose().secrets).map(({ file }) => path.basename(file));
    expect(files("deploy/secrets")).toEqual(wanted.toSorted());
    const args = readManifests().flatMap(({ spec }) => spec.template?.spec.containers[0]?.args ?? []);
    const named = args.flatMap((arg) => /=\/run\/secrets\/shardgate\/(.+)$/.exec(arg)?.[1] ?? []);
    expect(new Set(named)).toEqual(new Set(wanted));
  });

  it("starts the compose file, and looks at the cluster as the operator", async () => {
    const secrets = "--cluster-secret-file deploy/secrets/cluster-secret";
    const gateway = `shardgate gateway --registry memory --shards 4 --tokens deploy/secrets/tokens.json ${secrets}`;
    servers.push(await place.serve(gateway));
    servers.push(await place.serve(`shardgate node --engine memory --gateway ${place.origin} ${secrets}`));
    await untilReady(place.origin);
    const image = readCompose().services["gateway1"]?.image;
    expect(await run(exampleWith("docker compose").code)).toEqual([
      `docker build --file deploy/Dockerfile --tag ${image} .`,
      "docker compose --file deploy/compose.yaml up --detach",
    ]);
    expect(kitFile("Dockerfile")).toContain(`docker build --file deploy/Dockerfile --tag ${image} .`);
    expect(existsSync(path.join(deployFolder, "compose.yaml"))).toBe(true);
    expect(readCompose().services["nginx"]?.["ports"]).toEqual(["127.0.0.1:8080:80"]);
  });

  it("installs the units and their options, and starts units that there are", async () => {
    const [npm, useradd] = await run(exampleWith("useradd").code);
    expect(npm).toBe("npm install --prefix /opt/shardgate shardgate");
    expect(files("etc/systemd/system")).toEqual(["shardgate-gateway.service", "shardgate-node@.service"]);
    expect(files("etc/shardgate")).toEqual(["gateway.env", "node.env"]);
    for (const unit of files("etc/systemd/system")) {
      const text = kitFile(`systemd/${unit}`);
      expect(useradd).toMatch(new RegExp(` ${settingIn(text, "User")}$`));
      const main = /^\/usr\/bin\/node (\S+) /.exec(settingIn(text, "ExecStart"))?.[1] ?? "";
      expect(existsSync(place.path + main), main).toBe(true);
      const options = [...text.matchAll(/^EnvironmentFile=(\/\S+)$/gm)].map(([, file = ""]) => file);
      expect(options.filter((file) => !existsSync(place.path + file))).toEqual([]);
    }
    const started = await run(exampleWith("systemctl enable").code);
    const units = started.flatMap((call) => /^systemctl enable --now (.+)$/.exec(call)?.[1] ?? []);
    const templates = units.map((unit) => `${unit.replace(/@.*/, "@")}.service`);
    expect(templates).toEqual(files("etc/systemd/system"));
  });

  it("gives Kubernetes the secret that the manifests name, and the manifests", async () => {
    const calls = await run(exampleWith("kubectl apply").code);
    const volumes = readManifests().flatMap(({ spec }) => (spec.template?.spec["volumes"] ?? []) as readonly Volume[]);
    for (const { secret } of volumes) {
      expect(calls).toContain(`kubectl create secret generic ${secret?.secretName} --from-file deploy/secrets`);
    }
    expect(calls).toContain("kubectl apply --filename deploy/kubernetes");
    const deployment = readManifests().find(({ kind }) => kind === "Deployment")?.metadata.name;
    expect(calls).toContain(`kubectl rollout status deployment/${deployment}`);
    const registry = kitFile("kubernetes/gateways.yaml").match(/postgres:\/\/shardgate@(\w+)\/shardgate\?/)?.[1];
    expect(calls).toContain(`kubectl create service externalname ${registry} --external-name db.internal`);
  });
});

interface Volume {
  readonly secret?: { readonly secretName: string };
}
