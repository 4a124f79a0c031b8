/**
 * Several gateways of one registry, and their storage nodes, as processes that a test can hurt one by one. Every way that a gateway
 * uses goes over a line of its own, which can be cut: to the registry, to each storage node and to each other gateway.
 */
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { NodeHealth } from "../../src/wire/membership.js";
import { shardRows, type ShardRow } from "../support/cluster-calls.js";
import { untilReady } from "../support/gateway-calls.js";
import { eventually, freePorts, shardgate, temporaryFolder, type Run } from "../support/processes.js";
import { Line } from "./line.js";
import { registryPassword, type RegistryEngine } from "./registry-engine.js";

export interface GroupShape {
  readonly engine: RegistryEngine;
  readonly gateways: number;
  readonly nodes: number;
  readonly shards: number;
  readonly gatewayArgs?: readonly string[];
}

interface Standing {
  readonly isLeading: boolean;
  readonly leader: { readonly name: string | null } | null;
}

const namedHosts = pathToFileURL(path.join(import.meta.dirname, "../support/named-hosts.mjs")).href;
const registry = "registry";
/** From which the lines of all storage nodes begin. */
const storageNodes = "storage nodes";
const nodesHost = "127.0.2.1";

export class GatewayGroup {
  readonly gatewayNames: readonly string[];
  readonly nodeNames: readonly string[];
  readonly #shape: GroupShape;
  readonly #ports: Map<string, number>;
  readonly #lines = new Map<string, Line>();
  readonly #runs = new Map<string, Run>();
  readonly #folder = temporaryFolder();

  /** Resolves when every gateway serves every shard. */
  static async start(shape: GroupShape): Promise<GatewayGroup> {
    const { gateways, nodes, engine } = shape;
    const ports = await freePorts(2 * gateways + nodes);
    const group = new GatewayGroup(shape, ports);
    try {
      await group.#openLines(ports.slice(gateways + nodes), engine.port);
      for (const name of [...group.gatewayNames, ...group.nodeNames]) group.start(name);
      await group.ready();
    } catch (error) {
      const ended = [...group.#runs].filter(([, run]) => !run.isRunning);
      const words = ended.map(([name, { stderr }]) => `\n${name} has ended: ${stderr}`);
      await group.stop();
      throw new Error(`The gateways are not ready.${words.join("")}`, { cause: error });
    }
    return group;
  }

  private constructor(shape: GroupShape, ports: readonly number[]) {
    this.#shape = shape;
    this.gatewayNames = Array.from({ length: shape.gateways }, (_, index) => `gateway${index + 1}`);
    this.nodeNames = Array.from({ length: shape.nodes }, (_, index) => `node${index + 1}`);
    this.#ports = new Map([...this.gatewayNames, ...this.nodeNames].map((name, index) => [name, ports[index] ?? 0]));
  }

  /** Where clients reach a gateway or a storage node; no line can be cut there. */
  origin(name: string): string {
    return `http://127.0.0.1:${this.#port(name)}`;
  }

  run(name: string): Run {
    const run = this.#runs.get(name);
    if (run === undefined) throw new Error(`${name} was never started.`);
    return run;
  }

  /** Starts a gateway or a storage node, for the first time or on the data that it left. */
  start(name: string): void {
    const args = this.gatewayNames.includes(name) ? this.#gatewayArgs(name) : this.#nodeArgs(name);
    const run = shardgate(args, {
      SHARDGATE_REGISTRY_PASSWORD: registryPassword,
      NODE_OPTIONS: `--import=${namedHosts}`,
      INTERNAL_HOSTS_AT: this.#hostOf(name),
    });
    this.#runs.set(name, run);
  }

  /** The way that a gateway uses to a storage node, another gateway or the registry. */
  line(from: string, to: string): Line {
    const line = this.#lines.get(`${from} ${to}`);
    if (line === undefined) throw new Error(`There is no line from ${from} to ${to}.`);
    return line;
  }

  lineToRegistry(from: string): Line {
    return this.line(from, registry);
  }

  /** The ways between this gateway and everything but the registry and its clients. */
  linesToAll(gateway: string): readonly Line[] {
    const others = this.gatewayNames.filter((other) => other !== gateway);
    const ways = [...others, ...this.nodeNames].map((other) => this.line(gateway, other));
    return [...ways, ...[...others, storageNodes].map((other) => this.line(other, gateway))];
  }

  /** The gateway that says it leads, among these; fails while there is none, or more than one. */
  async leader(among = this.gatewayNames): Promise<string> {
    const standings = await Promise.all(among.map(async (name) => ({ name, ...(await this.#standing(name)) })));
    const [leading, ...more] = standings.filter(({ isLeading }) => isLeading);
    if (leading === undefined || more.length > 0) throw new Error(`Who leads? ${JSON.stringify(standings)}`);
    return leading.name;
  }

  /** Waits until each of these serves every shard, in touch with the one of them that leads. */
  async ready(among = this.gatewayNames): Promise<void> {
    for (const name of among) await untilReady(this.origin(name), 40_000);
    await eventually(async () => {
      const leader = await this.leader(among);
      for (const name of among) {
        const { leader: followed } = await this.#standing(name);
        if (followed?.name !== leader) throw new Error(`${name} follows ${followed?.name}, not ${leader}.`);
      }
      // A gateway is ready once the map has a storage node's start, which may learn of that a little later.
      for (const name of this.nodeNames) {
        const { isAcknowledged } = (await (await fetch(`${this.origin(name)}/health`)).json()) as NodeHealth;
        if (isAcknowledged !== true) throw new Error(`The start of ${name} is not acknowledged.`);
      }
    });
  }

  /** As the gateway knows them. */
  shards(name: string): Promise<readonly ShardRow[]> {
    return shardRows(this.origin(name));
  }

  async stop(): Promise<void> {
    for (const run of this.#runs.values()) run.child.kill("SIGCONT");
    await Promise.all([...this.#lines.values()].map((line) => line.close()));
    await Promise.all([...this.#runs.values()].map((run) => run.stop("SIGKILL")));
    this.#folder.remove();
  }

  async #standing(name: string): Promise<Standing> {
    return (await (await fetch(`${this.origin(name)}/ready`)).json()) as Standing;
  }

  #gatewayArgs(name: string): readonly string[] {
    const { engine, nodes, shards, gatewayArgs = [] } = this.#shape;
    const place = engine.place(this.#port(`${name} ${registry}`));
    const args = ["gateway", "--id", name, "--port", `${this.#port(name)}`, "--registry", place];
    return [...args, "--advertise", this.#url(name), "--shards", `${shards}`, "--nodes", `${nodes}`, ...gatewayArgs];
  }

  #nodeArgs(name: string): readonly string[] {
    const urls = this.gatewayNames.map((gateway) => this.#url(gateway)).join(",");
    const args = ["node", "--id", name, "--port", `${this.#port(name)}`, "--data", this.#folder.path];
    return [...args, "--advertise", this.#url(name), "--gateway", urls];
  }

  #url(name: string): string {
    return `http://${name}.internal:${this.#port(name)}`;
  }

  #port(name: string): number {
    const port = this.#ports.get(name);
    if (port === undefined) throw new Error(`There is no ${name}.`);
    return port;
  }

  /** The loopback address at which a process finds all others: its lines begin there. */
  #hostOf(name: string): string {
    const index = this.gatewayNames.indexOf(name);
    return index < 0 ? nodesHost : `127.0.1.${index + 1}`;
  }

  async #openLines(registryPorts: readonly number[], registryPort: number): Promise<void> {
    for (const [index, name] of this.gatewayNames.entries()) {
      const port = registryPorts[index] ?? 0;
      this.#ports.set(`${name} ${registry}`, port);
      const own = this.#port(name);
      this.#lines.set(`${storageNodes} ${name}`, await Line.open({ host: nodesHost, port: own, to: own }));
      this.#lines.set(`${name} ${registry}`, await Line.open({ host: "127.0.0.1", port, to: registryPort }));
      for (const other of [...this.gatewayNames, ...this.nodeNames]) {
        if (other === name) continue;
        const to = this.#port(other);
        this.#lines.set(`${name} ${other}`, await Line.open({ host: this.#hostOf(name), port: to, to }));
      }
    }
  }
}
