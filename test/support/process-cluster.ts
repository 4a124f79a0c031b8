/** A gateway and its storage nodes as separate processes, each of which a test can kill and start again by itself. */
import { untilReady } from "./gateway-calls.js";
import { freePorts, shardgate, temporaryFolder, type Run } from "./processes.js";

export interface ClusterShape {
  readonly nodes: number;
  readonly shards: number;
  readonly engine?: "memory" | "lmdb";
  readonly gatewayArgs?: readonly string[];
  readonly nodeArgs?: readonly string[];
  /** Of the gateway and of each storage node; by default some that are free now. */
  readonly ports?: readonly number[];
  /** Of every process. */
  readonly environment?: NodeJS.ProcessEnv;
}

export class ProcessCluster {
  readonly folder: string;
  readonly origin: string;
  readonly nodeNames: readonly string[];
  readonly #shape: ClusterShape;
  readonly #ports: readonly number[];
  readonly #removeFolder: () => void;
  readonly #runs = new Map<string, Run>();

  static async start(shape: ClusterShape): Promise<ProcessCluster> {
    const cluster = new ProcessCluster(shape, shape.ports ?? (await freePorts(shape.nodes + 1)));
    try {
      cluster.startGateway();
      for (const name of cluster.nodeNames) cluster.startNode(name);
      await cluster.ready();
    } catch (error) {
      const ended = [...cluster.#runs].filter(([, run]) => !run.isRunning);
      const words = ended.map(([name, { stderr }]) => `\n${name} has ended: ${stderr}`);
      await cluster.stop();
      throw new Error(`The cluster is not ready.${words.join("")}`, { cause: error });
    }
    return cluster;
  }

  private constructor(shape: ClusterShape, ports: readonly number[]) {
    const folder = temporaryFolder();
    this.folder = folder.path;
    this.#removeFolder = folder.remove;
    this.#shape = shape;
    this.#ports = ports;
    this.origin = `http://127.0.0.1:${ports[0]}`;
    this.nodeNames = ports.slice(1).map((_, index) => `node${index + 1}`);
  }

  get registryFile(): string {
    return `${this.folder}/registry.json`;
  }

  nodeOrigin(name: string): string {
    return `http://127.0.0.1:${this.#ports[this.nodeNames.indexOf(name) + 1]}`;
  }

  run(name: string): Run {
    const run = this.#runs.get(name);
    if (run === undefined) throw new Error(`${name} was never started.`);
    return run;
  }

  startGateway(): Run {
    const { nodes, shards, gatewayArgs = [] } = this.#shape;
    const args = ["gateway", "--port", String(this.#ports[0]), "--shards", String(shards), "--nodes", String(nodes)];
    return this.#start("gateway", [...args, "--registry", this.registryFile, ...gatewayArgs]);
  }

  startNode(name: string): Run {
    const port = new URL(this.nodeOrigin(name)).port;
    const args = ["node", "--id", name, "--port", port, "--gateway", this.origin, "--data", this.folder];
    return this.#start(name, [...args, "--engine", this.#shape.engine ?? "lmdb", ...(this.#shape.nodeArgs ?? [])]);
  }

  /** Waits until every shard has a live primary. */
  ready(withinMs?: number): Promise<void> {
    return untilReady(this.origin, withinMs);
  }

  /** Stops every process; with an error in the log of one, says so. */
  async stop(): Promise<void> {
    await Promise.all([...this.#runs.values()].map((run) => run.stop()));
    this.#removeFolder();
  }

  #start(name: string, args: readonly string[]): Run {
    const run = shardgate(args, this.#shape.environment);
    this.#runs.set(name, run);
    return run;
  }
}
