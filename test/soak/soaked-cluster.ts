/**
 * The processes of a soak: a gateway and storage nodes with the probe inside, that can be hurt, sampled, and asked for
 * what they wrote to their logs. They log errors only, so every line is one too many.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Fault } from "../linearizability/fault-plan.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { counter } from "../support/gateway-calls.js";
import { eventually, freePorts, Stop, type Run } from "../support/processes.js";
import { gatewayName, type Phase, type Sample } from "./verdict.js";

type Probed = Pick<Sample, "heapBytes" | "timers" | "handles">;

const shape = { nodes: 3, shards: 16 };
/** The first storage node is never ended, so that one is watched from the beginning to the end. */
const lasting = "node1";

export class SoakedCluster {
  readonly complaints: string[] = [];
  readonly #cluster: ProcessCluster;
  readonly #paused = new Set<string>();

  static async start(): Promise<SoakedCluster> {
    const probe = pathToFileURL(path.join(import.meta.dirname, "probe.mjs")).href;
    const environment = { NODE_OPTIONS: `--import=${probe}`, SHARDGATE_LOG_LEVEL: "error" };
    const ports = await freePorts(1 + shape.nodes);
    return new SoakedCluster(await ProcessCluster.start({ ...shape, environment, ports }));
  }

  private constructor(cluster: ProcessCluster) {
    this.#cluster = cluster;
  }

  get origin(): string {
    return this.#cluster.origin;
  }

  /** What may be done to whom; the gateway stays. */
  get faults(): readonly Pick<Fault, "kind" | "process">[] {
    return this.#cluster.nodeNames.flatMap((process) => {
      const kinds = process === lasting ? (["pause"] as const) : (["kill", "pause", "stop"] as const);
      return kinds.map((kind) => ({ kind, process }));
    });
  }

  async begin({ kind, process }: Pick<Fault, "kind" | "process">): Promise<void> {
    const run = this.#cluster.run(process);
    this.#paused.add(process);
    if (kind === "pause") {
      run.child.kill("SIGSTOP");
      return;
    }
    const ended = await run.stop(kind === "kill" ? "SIGKILL" : "SIGTERM");
    if (kind === "stop" && ended !== 0) this.complaints.push(`${process} ended with ${ended} when it was told to stop`);
    this.#readLog(process, run);
  }

  async end({ kind, process }: Pick<Fault, "kind" | "process">): Promise<void> {
    if (kind === "pause") this.#cluster.run(process).child.kill("SIGCONT");
    else await this.#cluster.startNode(process).prints(/^listening /m);
    this.#paused.delete(process);
  }

  ready(): Promise<void> {
    return this.#cluster.ready();
  }

  /** One of each process that is not being hurt. */
  async sample(phase: Phase, atMs: number): Promise<readonly Sample[]> {
    const names = [gatewayName, ...this.#cluster.nodeNames].filter((name) => !this.#paused.has(name));
    const queued = await counter(this.origin, "shardgate_node_queued_operations");
    const samples = await Promise.all(names.map((name) => this.#sampleOf(name, phase, atMs, queued)));
    return samples.filter((sample) => sample !== null);
  }

  async stop(): Promise<void> {
    for (const name of this.#paused) this.#cluster.run(name).child.kill("SIGCONT");
    await this.#cluster.stop();
    for (const name of [gatewayName, ...this.#cluster.nodeNames]) this.#readLog(name, this.#cluster.run(name));
  }

  async #sampleOf(name: string, phase: Phase, atMs: number, queued: number): Promise<Sample | null> {
    const run = this.#cluster.run(name);
    const { pid } = run.child;
    this.#readLog(name, run);
    if (pid === undefined || !run.isRunning) {
      this.complaints.push(`${name} ended by itself`);
      return null;
    }
    const probed = await this.#probe(name, run);
    if (probed === null) return null;
    try {
      const memory = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
      const { files, sockets } = openFiles(pid);
      const memoryBytes = Number(memory) * 1024;
      return { process: name, pid, phase, atMs, ...probed, memoryBytes, files, sockets, queued };
    } catch {
      // It was ended between the two looks.
      return null;
    }
  }

  /** Null when a fault came in between. */
  async #probe(name: string, run: Run): Promise<Probed | null> {
    run.stdout = "";
    run.child.kill("SIGUSR2");
    try {
      return await eventually(() => {
        const line = /^probed (.*)$/m.exec(run.stdout)?.[1];
        if (line !== undefined) return JSON.parse(line) as Probed;
        throw this.#paused.has(name) ? new Stop("It is being hurt.") : new Error("It has not answered yet.");
      });
    } catch (error) {
      if (!(error instanceof Stop)) this.complaints.push(`${name} did not answer its probe`);
      return null;
    }
  }

  #readLog(name: string, run: Run): void {
    const lines = run.stderr.split("\n").filter((line) => line !== "");
    run.stderr = "";
    this.complaints.push(...lines.slice(0, 20).map((line) => `${name} wrote to its log: ${line.slice(0, 2_000)}`));
  }
}

function openFiles(pid: number): Pick<Sample, "files" | "sockets"> {
  const folder = `/proc/${pid}/fd`;
  let [files, sockets] = [0, 0];
  for (const name of readdirSync(folder)) {
    try {
      if (readlinkSync(`${folder}/${name}`).startsWith("socket:")) sockets++;
      files++;
    } catch {
      // Closed meanwhile.
    }
  }
  return { files, sockets };
}
