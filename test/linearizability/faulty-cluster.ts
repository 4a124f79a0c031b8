/** A gateway of several workers and storage nodes on LMDB, each command a process that can be made to fail. */
import { ProcessCluster } from "../support/process-cluster.js";
import { freePorts, lastingPorts } from "../support/processes.js";
import type { Fault } from "./fault-plan.js";

const gateway = "gateway";

export interface FaultyShape {
  readonly nodes: number;
  readonly shards: number;
  /** Workers of each storage node; the gateway has at least two, which have a cluster map each. */
  readonly workers: number;
}

export class FaultyCluster {
  readonly #cluster: ProcessCluster;

  static async start({ workers, ...shape }: FaultyShape): Promise<FaultyCluster> {
    const ports = await freePorts(1 + shape.nodes, lastingPorts);
    const gatewayArgs = ["--workers", String(Math.max(2, workers))];
    const nodeArgs = ["--workers", String(workers)];
    return new FaultyCluster(await ProcessCluster.start({ ...shape, ports, gatewayArgs, nodeArgs }));
  }

  private constructor(cluster: ProcessCluster) {
    this.#cluster = cluster;
  }

  get origin(): string {
    return this.#cluster.origin;
  }

  /** Names of all processes that can be made to fail. */
  get processes(): readonly string[] {
    return [gateway, ...this.#cluster.nodeNames];
  }

  async begin({ kind, process }: Fault): Promise<void> {
    const run = this.#cluster.run(process);
    if (kind === "pause") run.child.kill("SIGSTOP");
    else await run.stop(kind === "kill" ? "SIGKILL" : "SIGTERM");
  }

  /** Resumes a paused process; starts an ended one again on its data. */
  end({ kind, process }: Fault): void {
    if (kind === "pause") this.#cluster.run(process).child.kill("SIGCONT");
    else if (process === gateway) this.#cluster.startGateway();
    else this.#cluster.startNode(process);
  }

  /** Waits until every shard has a live primary. */
  ready(): Promise<void> {
    return this.#cluster.ready(60_000);
  }

  /** Ends all processes, in whatever state they are. */
  async stop(): Promise<void> {
    for (const process of this.processes) this.#cluster.run(process).child.kill("SIGCONT");
    await this.#cluster.stop();
  }
}
