/**
 * Storage nodes on LMDB and two gateways over them, each a process that can be hurt. Storage nodes register at the first
 * gateway, which owns the registry's file. The second has a copy of that file and `--no-auto-assign`: nobody registers
 * with it, so it never changes its cluster map, and while no shard changes hands both route by the same epochs. Were the
 * copy out of date, the storage nodes' fence would refuse it.
 */
import { copyFileSync } from "node:fs";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually, freePorts, lastingPorts, shardgate, type Run } from "../support/processes.js";
import type { Fault } from "./fault-plan.js";

const first = "gateway";
const second = "second gateway";

export interface TwinShape {
  readonly nodes: number;
  readonly shards: number;
  /** Of each gateway and storage node. */
  readonly workers: number;
}

export class TwinGateways {
  readonly #cluster: ProcessCluster;
  readonly #secondPort: number;
  readonly #gatewayArgs: readonly string[];
  #second: Run | null = null;

  static async start({ workers, ...shape }: TwinShape): Promise<TwinGateways> {
    const [port = 0, ...ports] = await freePorts(2 + shape.nodes, lastingPorts);
    const args = ["--workers", String(workers)];
    const cluster = await ProcessCluster.start({ ...shape, ports, gatewayArgs: args, nodeArgs: args });
    const twins = new TwinGateways(cluster, port, args);
    try {
      copyFileSync(twins.#cluster.registryFile, twins.#secondRegistryFile);
      twins.#startSecond();
      await twins.ready();
    } catch (error) {
      await twins.stop();
      throw error;
    }
    return twins;
  }

  private constructor(cluster: ProcessCluster, secondPort: number, gatewayArgs: readonly string[]) {
    this.#cluster = cluster;
    this.#secondPort = secondPort;
    this.#gatewayArgs = gatewayArgs;
  }

  get origins(): readonly string[] {
    return [this.#cluster.origin, `http://127.0.0.1:${this.#secondPort}`];
  }

  /** Names of all that can be hurt. */
  get processes(): readonly string[] {
    return [first, second, ...this.#cluster.nodeNames];
  }

  async begin({ kind, process }: Fault): Promise<void> {
    const run = this.#run(process);
    if (kind === "pause") run.child.kill("SIGSTOP");
    else await run.stop(kind === "kill" ? "SIGKILL" : "SIGTERM");
  }

  /** What was paused goes on; what ended is started again on its data. */
  end({ kind, process }: Fault): void {
    if (kind === "pause") this.#run(process).child.kill("SIGCONT");
    else if (process === first) this.#cluster.startGateway();
    else if (process === second) this.#startSecond();
    else this.#cluster.startNode(process);
  }

  /** Waits until both gateways see a live primary of every shard. */
  async ready(): Promise<void> {
    for (const origin of this.origins) {
      await eventually(async () => {
        const response = await fetch(`${origin}/ready`);
        if (response.status !== 200) throw new Error(await response.text());
      }, 60_000);
    }
  }

  /** Ends everything, in whatever state it is. */
  async stop(): Promise<void> {
    for (const process of this.processes) if (this.#isStarted(process)) this.#run(process).child.kill("SIGCONT");
    await Promise.all([this.#second?.stop(), this.#cluster.stop()]);
  }

  get #secondRegistryFile(): string {
    return `${this.#cluster.folder}/second-registry.json`;
  }

  #startSecond(): void {
    const args = ["gateway", "--port", String(this.#secondPort), "--no-auto-assign", ...this.#gatewayArgs];
    this.#second = shardgate([...args, "--registry", this.#secondRegistryFile]);
  }

  #isStarted(process: string): boolean {
    return process !== second || this.#second !== null;
  }

  #run(process: string): Run {
    if (process !== second) return this.#cluster.run(process);
    if (this.#second === null) throw new Error("The second gateway was never started.");
    return this.#second;
  }
}
