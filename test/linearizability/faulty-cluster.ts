/** A gateway of several workers and storage nodes on LMDB, each command a process that can be made to fail. */
import { ProcessCluster } from "../support/process-cluster.js";
import { freePorts } from "../support/processes.js";
import type { Fault } from "./fault-plan.js";

const gateway = "gateway";

export interface FaultyShape {
  readonly nodes: number;
  readonly shards: number;
  /** Workers of each storage node; the gateway has at least two, which have a cluster map each. */
  readonly workers: number;
}

/** Processes that can be hurt, by name, and where clients reach them. */
export interface FaultyProcesses {
  /** Of the gateways. */
  readonly origins: readonly string[];
  /** Names of all processes that can be made to fail. */
  readonly processes: readonly string[];
  begin(fault: Fault): Promise<void>;
  /** Resumes a paused process; starts an ended one again on its data. */
  end(fault: Fault): Promise<void>;
  /** Waits until every shard has a live primary. */
  ready(): Promise<void>;
  /** Ends all processes, in whatever state they are. */
  stop(): Promise<void>;
}

export class FaultyCluster implements FaultyProcesses {
  readonly #cluster: ProcessCluster;

  static async start({ workers, ...shape }: FaultyShape): Promise<FaultyCluster> {
    const ports = await freePorts(1 + shape.nodes);
    const gatewayArgs = ["--workers", String(Math.max(2, workers))];
    const nodeArgs = ["--workers", String(workers)];
    return new FaultyCluster(await ProcessCluster.start({ ...shape, ports, gatewayArgs, nodeArgs }));
  }

  private constructor(cluster: ProcessCluster) {
    this.#cluster = cluster;
  }

  get origins(): readonly string[] {
    return [this.#cluster.origin];
  }

  get processes(): readonly string[] {
    return [gateway, ...this.#cluster.nodeNames];
  }

  async begin({ kind, process }: Fault): Promise<void> {
    const run = this.#cluster.run(process);
    if (kind === "pause") run.child.kill("SIGSTOP");
    else await run.stop(kind === "kill" ? "SIGKILL" : "SIGTERM");
  }

  async end({ kind, process }: Fault): Promise<void> {
    if (kind === "pause") this.#cluster.run(process).child.kill("SIGCONT");
    else if (process === gateway) this.#cluster.startGateway();
    else this.#cluster.startNode(process);
  }

  ready(): Promise<void> {
    return this.#cluster.ready(60_000);
  }

  async stop(): Promise<void> {
    for (const process of this.processes) this.#cluster.run(process).child.kill("SIGCONT");
    await this.#cluster.stop();
  }
}
