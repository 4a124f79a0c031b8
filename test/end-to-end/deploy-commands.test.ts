/**
 * The servers of deploy/ as processes, started with the arguments and variables that stand there. Only what belongs to a
 * place is another: addresses, ports, folders, and the registry, which is a real PostgreSQL.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { consoleEventsPath } from "../../src/wire/console-events.js";
import {
  composeServers,
  deployFolder,
  kitFile,
  manifestServers,
  unitServers,
  type KitServer,
} from "../support/deploy-kit.js";
import { untilReady } from "../support/gateway-calls.js";
import { kitConfiguration, nginxPath, runNginx } from "../support/nginx.js";
import { hasPostgres, PostgresServer } from "../support/postgres.js";
import { eventually, freePorts, Run, shardgate, Stop, temporaryFolder } from "../support/processes.js";

const kits = [
  ["compose.yaml", composeServers()],
  ["systemd", unitServers(3)],
  ["kubernetes", manifestServers()],
] as const;
const secretsFolder = /\/(?:run\/secrets|etc)(?:\/shardgate)?\/(?=[\w.-]+$)/;

/** Where the servers of a kit are in this test. */
class KitCluster {
  readonly folder = temporaryFolder();
  readonly servers: readonly KitServer[];
  readonly #ports: ReadonlyMap<string, number>;
  readonly #registry: string;
  readonly #runs = new Map<string, Run>();
  token = "";

  static async open(servers: readonly KitServer[], registry: string): Promise<KitCluster> {
    // Some name gateways that are on other machines.
    const names = new Set([...servers.map(({ name }) => name), "gateway1", "gateway2", "gateway3"]);
    const ports = await freePorts(names.size);
    return new KitCluster(servers, new Map([...names].map((name, index) => [name, ports[index] ?? 0])), registry);
  }

  private constructor(servers: readonly KitServer[], ports: ReadonlyMap<string, number>, registry: string) {
    this.servers = servers;
    this.#ports = ports;
    this.#registry = registry;
  }

  async start(): Promise<void> {
    const secrets = path.join(this.folder.path, "secrets");
    mkdirSync(secrets);
    const drawn = shardgate(["token", "operator", "--grant", "admin"]);
    expect(await drawn.ended()).toBe(0);
    const [token = "", line = ""] = drawn.stdout.split("\n");
    this.token = token;
    writeFileSync(path.join(secrets, "tokens.json"), `[${line}]`);
    writeFileSync(path.join(secrets, "cluster-secret"), "0123456789abcdef0123456789abcdef\n");
    writeFileSync(path.join(secrets, "registry-password"), "secret\n");
    for (const server of this.servers) this.#runs.set(server.name, this.#start(server));
    await eventually(async () => {
      for (const [name, run] of this.#runs) if (!run.isRunning) throw new Stop(`${name} has ended: ${run.stderr}`);
      for (const name of this.gateways) await untilReady(this.origin(name), 0);
    });
  }

  get gateways(): readonly string[] {
    return this.servers.filter(({ args }) => args[0] === "gateway").map(({ name }) => name);
  }

  origin(name: string): string {
    return `http://127.0.0.1:${this.#ports.get(name)}`;
  }

  port(name: string): number {
    return this.#ports.get(name) ?? 0;
  }

  run(name: string): Run {
    return this.#runs.get(name) ?? expect.fail(`${name} does not run.`);
  }

  fetch(url: string, init: RequestInit = {}): Promise<Response> {
    return fetch(url, { ...init, headers: { authorization: `Bearer ${this.token}` } });
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#runs.values()].map((run) => run.stop("SIGKILL")));
    this.folder.remove();
  }

  #start({ name, args, environment }: KitServer): Run {
    const located = Object.entries(environment).map(([variable, value]) => [
      variable,
      this.#located(name, variable.replace("SHARDGATE_", "").toLowerCase().replaceAll("_", "-"), value),
    ]);
    const options = args.map((arg, index) => {
      const [, option, value] = /^--([\w-]+)=(.*)$/.exec(arg) ?? [];
      if (option !== undefined) return `--${option}=${this.#located(name, option, value ?? "")}`;
      return this.#located(name, args[index - 1]?.replace(/^--/, "") ?? "", arg);
    });
    return shardgate(options, { SHARDGATE_PORT: String(this.port(name)), ...Object.fromEntries(located) });
  }

  /** The value that an option of the server has here. */
  #located(name: string, option: string, value: string): string {
    switch (option) {
      case "advertise":
        return this.origin(name);
      case "gateway":
        return value.replace(/http:\/\/([\w-]+)[\w.]*:4000/g, (_url, host: string) =>
          this.origin(this.#ports.has(host) ? host : (this.gateways[0] ?? "")),
        );
      case "registry":
        expect(value).toMatch(/^postgres:\/\/shardgate@[\w.]+\/shardgate(\?sslmode=disable)?$/);
        return this.#registry;
      case "allow-nodes":
        return "127.0.0.0/8";
      case "data":
        expect(value).toBe("/var/lib/shardgate");
        return path.join(this.folder.path, "data");
      default:
        return value.replace(secretsFolder, `${this.folder.path}/secrets/`);
    }
  }
}

describe.skipIf(!hasPostgres)("the servers of deploy/", () => {
  let postgres: PostgresServer;
  beforeAll(async () => {
    postgres = await PostgresServer.start();
  });
  afterAll(() => postgres.stop());

  describe.each(kits)("%s", (kit, servers) => {
    let cluster: KitCluster;
    beforeAll(async () => {
      const database = kit.replace(/\W/g, "_");
      await postgres.sql(`CREATE DATABASE ${database}`);
      cluster = await KitCluster.open(servers, `postgres://sg@127.0.0.1:${postgres.port}/${database}`);
      await cluster.start();
    });
    afterAll(() => cluster.stop());

    it("start, are healthy, and serve every key through every gateway", async () => {
      const [first = ""] = cluster.gateways;
      for (const key of ["a", "b", "c"]) {
        const url = `${cluster.origin(first)}/data/${key}`;
        expect((await cluster.fetch(url, { method: "PUT", body: `"${key}"` })).status).toBe(201);
        for (const name of cluster.gateways) {
          expect(await (await cluster.fetch(`${cluster.origin(name)}/data/${key}`)).text()).toBe(`"${key}"`);
        }
      }
      const healthy = servers.map(({ name }) =>
        new Run(process.execPath, [path.join(deployFolder, "healthcheck.mjs")], {
          SHARDGATE_PORT: String(cluster.port(name)),
        }).ended(),
      );
      expect(await Promise.all(healthy)).toEqual(servers.map(() => 0));
    });

    it.runIf(kit === "compose.yaml")("count what the alerts ask for", async () => {
      const texts = await Promise.all(
        servers.map(async ({ name }) => (await cluster.fetch(`${cluster.origin(name)}/metrics`)).text()),
      );
      expectMetricsOfAlerts(texts.join("\n"));
    });

    it.runIf(kit === "compose.yaml" && nginxPath !== undefined)(
      "are reached through nginx, also while one gateway is killed",
      async () => {
        const [proxy = 0] = await freePorts(1);
        const ports = cluster.gateways.map((name) => cluster.port(name));
        const nginx = runNginx(cluster.folder.path, kitConfiguration(cluster.folder.path, proxy, ports));
        try {
          const origin = `http://127.0.0.1:${proxy}`;
          await eventually(() => fetch(`${origin}/health`));
          const events = await cluster.fetch(`${origin}${consoleEventsPath}`);
          expect(events.headers.get("content-type")).toContain("text/event-stream");
          await events.body?.cancel();
          await cluster.run("gateway2").stop("SIGKILL");
          const reads = Array.from({ length: 100 }, async () => (await cluster.fetch(`${origin}/data/a`)).text());
          expect(new Set(await Promise.all(reads))).toEqual(new Set(['"a"']));
        } finally {
          await nginx.stop();
        }
      },
    );

    it("end with 0 at SIGTERM", async () => {
      const running = servers.map(({ name }) => cluster.run(name)).filter(({ isRunning }) => isRunning);
      expect(running.length).toBeGreaterThan(servers.length - 2);
      const codes = await Promise.all(running.map((run) => run.stop()));
      expect(codes, running.map(({ stderr }) => stderr).join("")).toEqual(running.map(() => 0));
    });
  });
});

interface AlertFile {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
}

/** Each metric of an alert is there; where it has samples already, so are the labels that the alert names. */
function expectMetricsOfAlerts(text: string): void {
  const { groups } = parse(kitFile("prometheus/alerts.yml")) as AlertFile;
  for (const { alert, expr } of groups.flatMap(({ rules }) => rules)) {
    const metrics = [...expr.matchAll(/\b(shardgate_\w+?)(_bucket)?\b(?:{([^}]*)})?/g)];
    if (metrics.length === 0) expect(alert).toBe("ShardgateProcessDown");
    for (const [, name = "", , selector = ""] of metrics) {
      expect([alert, text.match(new RegExp(`^# TYPE ${name} \\w+$`, "m"))?.[0]]).toEqual([
        alert,
        expect.stringContaining(name),
      ]);
      const labels = [...selector.matchAll(/(\w+)(?:=|!=|=~|!~)"/g)].map(([, label = ""]) => label);
      const grouped = (/ by \(([^)]*)\)/.exec(expr)?.[1] ?? "").split(", ");
      const asked = [...labels, ...grouped].filter((label) => !["", "le", "instance", "job"].includes(label));
      const samples = [...text.matchAll(new RegExp(`^${name}(?:_bucket)?({.*})? `, "gm"))].map(([sample]) => sample);
      const without = asked.filter((label) => samples.some((sample) => !sample.includes(`${label}="`)));
      expect([alert, without]).toEqual([alert, []]);
    }
  }
}
