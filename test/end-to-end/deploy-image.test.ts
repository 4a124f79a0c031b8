/**
 * The image of deploy/Dockerfile without Docker: its stages are made in folders by the commands that stand there, and what
 * comes out runs as a container runs it. The process is the first one of a name space of its own, its user is not root,
 * and the root file system is read-only.
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { dockerStages, imageEnvironment, imageInstruction, kitFile } from "../support/deploy-kit.js";
import { CertificateAuthority } from "../support/certificates.js";
import { untilReady } from "../support/gateway-calls.js";
import { freePorts, repository, Run, temporaryFolder } from "../support/processes.js";

const folder = temporaryFolder();
const [context, image] = ["context", "image"].map((name) => path.join(folder.path, name)) as [string, string];
const secret = path.join(folder.path, "secret");
const healthcheck = path.join(repository, "deploy/healthcheck.mjs");
const isNameSpaced = spawnSync("unshare", ["--mount", "--pid", "--fork", "--mount-proc", "true"]).status === 0;
/** Why the packages could not be installed, when that is no fault of the Dockerfile. */
let cause: string | undefined;

/** What the build sees of the repository: .dockerignore leaves everything out, and then names what stays. */
function makeContext(): void {
  const [everything, ...kept] = kitFile("Dockerfile.dockerignore")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  expect(everything).toBe("*");
  for (const line of kept) {
    expect(line).toMatch(/^!/);
    const file = line.slice(1);
    mkdirSync(path.dirname(path.join(context, file)), { recursive: true });
    cpSync(path.join(repository, file), path.join(context, file), { recursive: true });
  }
}

const runsOf = (stage: number): readonly string[] =>
  (dockerStages()[stage] ?? []).filter(({ name }) => name === "RUN").map(({ rest }) => rest);

/** The packages of the image, installed by the commands of its stage from npm's cache or the registry. */
async function installPackages(place: string): Promise<void> {
  mkdirSync(place);
  for (const file of ["package.json", "package-lock.json"]) cpSync(path.join(context, file), path.join(place, file));
  const isHere = process.env["CI"] === undefined;
  const settings = { npm_config_prefer_offline: "true", ...(isHere && { npm_config_fetch_retries: "0" }) };
  const run = new Run("bash", ["-c", runsOf(1).join(" && ")], settings, place);
  if ((await run.ended()) === 0) return;
  cause = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ENOTCACHED)\b/.exec(run.stderr)?.[0];
  if (cause === undefined || !isHere) throw new Error(run.stderr);
}

beforeAll(async () => {
  // Another user has to find the files.
  chmodSync(folder.path, 0o755);
  writeFileSync(secret, "0123456789abcdef0123456789abcdef");
  makeContext();
  const packages = path.join(folder.path, "packages");
  await installPackages(packages);
  const program = path.join(image, "opt/shardgate");
  mkdirSync(program, { recursive: true });
  if (cause === undefined) renameSync(path.join(packages, "node_modules"), path.join(program, "node_modules"));
  for (const file of ["package.json", "LICENSE", "deploy/healthcheck.mjs"]) {
    cpSync(path.join(context, file), path.join(program, path.basename(file)));
  }
  cpSync(path.join(repository, "dist"), path.join(program, "dist"), { recursive: true });
}, 300_000);
afterAll(() => folder.remove());

describe("the build of deploy/Dockerfile", () => {
  it("compiles the program from what .dockerignore leaves", async () => {
    // npm ci is what CI runs before this; the packages are those of the repository.
    expect(runsOf(0)).toEqual(["npm ci --workspaces=false --ignore-scripts", "npm run build"]);
    symlinkSync(path.join(repository, "node_modules"), path.join(context, "node_modules"));
    const run = new Run("bash", ["-c", "npm run build"], {}, context);
    expect(await run.ended(), run.stderr).toBe(0);
    for (const file of ["cli/main.js", "schema.graphql", "gateway/pages/console", "gateway/pages/playground"]) {
      expect(existsSync(path.join(context, "dist", file)), file).toBe(true);
    }
  });
});

describe.skipIf(!isNameSpaced)("the image of deploy/Dockerfile", () => {
  /** Runs the command as a container of the image: its root file system is read-only but for `/var/lib`. */
  function container(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Run {
    const [user, group] = imageInstruction("USER").split(":");
    const entry = (JSON.parse(imageInstruction("ENTRYPOINT")) as readonly string[]).join(" ");
    const script = [
      "set -eu",
      "mount -t tmpfs tmpfs /var/lib",
      imageInstruction("RUN"),
      "mount -t tmpfs tmpfs /opt",
      "mkdir /opt/shardgate",
      `mount --bind ${image}/opt/shardgate /opt/shardgate`,
      "mount -o remount,ro,bind /opt/shardgate",
      "mount -o remount,ro,bind /",
      "if touch /tmp/written 2>/dev/null; then exit 99; fi",
      `cd ${imageInstruction("WORKDIR")}`,
      `exec setpriv --reuid=${user} --regid=${group} --clear-groups --no-new-privs --bounding-set=-all ${entry} "$@"`,
    ].join("\n");
    const spaces = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
    const settings = { ...imageEnvironment(), SHARDGATE_HOST: "127.0.0.1", ...environment };
    const run = new Run("unshare", [...spaces, "bash", "-c", script, "container", ...args], settings);
    onTestFinished(async () => {
      if (run.isRunning) process.kill(firstProcessOf(run), "SIGKILL");
      await run.ended();
    });
    return run;
  }

  /** The id outside of what is process 1 inside. */
  function firstProcessOf({ child: { pid } }: Run): number {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
    expect(children).toHaveLength(1);
    return Number(children[0]);
  }

  /** As `docker stop` does: the signal goes to the first process. */
  async function stop(run: Run): Promise<number | NodeJS.Signals> {
    process.kill(firstProcessOf(run), "SIGTERM");
    return run.ended();
  }

  /** Of the first process: its id inside, its user, and its rights. */
  function standing(run: Run): Readonly<Record<string, string | undefined>> {
    const text = readFileSync(`/proc/${firstProcessOf(run)}/status`, "utf8");
    const last = (name: string): string | undefined => new RegExp(`^${name}:.*\\s(\\w+)$`, "m").exec(text)?.[1];
    return { id: last("NSpid"), user: last("Uid"), rights: last("CapEff"), gainsNone: last("NoNewPrivs") };
  }

  const health = (port: number | undefined, environment: NodeJS.ProcessEnv = {}): Promise<number | NodeJS.Signals> =>
    new Run(process.execPath, [healthcheck], { SHARDGATE_PORT: String(port), ...environment }).ended();

  it("serves as its first process, not as root, on a read-only file system, and ends at SIGTERM", async (test) => {
    if (cause !== undefined) test.skip(`npm's cache lacks a package, and no registry can be reached: ${cause}`);
    const [port = 0, nodePort = 0] = await freePorts(2);
    const inCluster = { SHARDGATE_CLUSTER_SECRET_FILE: secret };
    const gateway = container(["gateway", "--drain-delay", "0"], { SHARDGATE_PORT: String(port), ...inCluster });
    const node = container(["node", "--gateway", `http://127.0.0.1:${port}`], {
      SHARDGATE_PORT: String(nodePort),
      ...inCluster,
    });
    await Promise.all([gateway.prints(/^listening /m), node.prints(/^listening /m)]);
    await untilReady(`http://127.0.0.1:${port}`);
    const modest = { id: "1", user: "1000", rights: "0".repeat(16), gainsNone: "1" };
    expect([standing(gateway), standing(node)]).toEqual([modest, modest]);
    expect([await health(port), await health(nodePort)]).toEqual([0, 0]);
    const put = await fetch(`http://127.0.0.1:${port}/data/a`, { method: "PUT", body: "1" });
    expect(put.status).toBe(201);
    expect([await stop(node), await stop(gateway)], gateway.stderr + node.stderr).toEqual([0, 0]);
    expect([await health(port), await health(nodePort)]).toEqual([1, 1]);
  });

  it("has its health checked over TLS, also where a certificate is asked for", async (test) => {
    if (cause !== undefined) test.skip(`npm's cache lacks a package, and no registry can be reached: ${cause}`);
    const authority = new CertificateAuthority();
    const { cert, key } = authority.issue({ hosts: ["node1"] });
    const files = { cert, key, ca: authority.cert };
    const tls = Object.fromEntries(
      Object.entries(files).map(([name, text]) => {
        const file = path.join(folder.path, `${name}.pem`);
        writeFileSync(file, text);
        return [`SHARDGATE_TLS_${name.toUpperCase()}`, file];
      }),
    );
    const [port = 0] = await freePorts(1);
    const node = container(["node"], { SHARDGATE_PORT: String(port), ...tls });
    await node.prints(/^listening https:/m);
    expect([await health(port, tls), await health(port)]).toEqual([0, 1]);
    expect(await stop(node), node.stderr).toBe(0);
  });

  it("says what it can do when it is given no command", async (test) => {
    if (cause !== undefined) test.skip(`npm's cache lacks a package, and no registry can be reached: ${cause}`);
    const help = container(JSON.parse(imageInstruction("CMD")) as readonly string[]);
    expect([await help.ended(), help.stdout]).toEqual([0, expect.stringContaining("Usage: ")]);
  });
});
