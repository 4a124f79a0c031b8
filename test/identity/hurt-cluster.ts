/**
 * A cluster of real processes whose data folders, registry and clocks a run changes as careless people and failing disks
 * do: copies come back, folders are emptied, processes are started twice. A second, foreign cluster runs beside it.
 */
import { copyFileSync, cpSync, renameSync, rmSync } from "node:fs";
import { acceptLoss, nodeRow, shardRows } from "../support/cluster-calls.js";
import { untilAnswered } from "../support/data-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually, freePorts, shardgate, Stop, type Run } from "../support/processes.js";
import { ShiftedClocks } from "../support/shifted-clocks.js";

export interface HurtShape {
  readonly nodes: number;
  readonly shards: number;
}

/** A storage node that restarts too often waits for half a minute before it registers. */
const readyWithinMs = 120_000;
const silence = ["--suspect-after", "1500", "--down-after", "1500"];

export class HurtCluster {
  readonly shards: number;
  readonly clocks = new ShiftedClocks();
  readonly #starts = new Map<string, number>();
  #cluster: ProcessCluster | null = null;
  #foreign: ProcessCluster | null = null;

  static async start({ nodes, shards }: HurtShape): Promise<HurtCluster> {
    const cluster = new HurtCluster(shards);
    try {
      await cluster.#start(nodes);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  private constructor(shards: number) {
    this.shards = shards;
  }

  get origin(): string {
    return this.#own.origin;
  }

  get nodeNames(): readonly string[] {
    return this.#own.nodeNames;
  }

  get registryFile(): string {
    return this.#own.registryFile;
  }

  /** A copy of the registry as it was when the cluster was ready first. */
  get registryCopy(): string {
    return `${this.registryFile}.kept`;
  }

  /** How often the storage node was started. */
  startsOf(node: string): number {
    return this.#starts.get(node) ?? 0;
  }

  run(process: string): Run {
    return this.#own.run(process);
  }

  startGateway(): void {
    this.#own.startGateway();
  }

  startNode(node: string): void {
    this.#starts.set(node, this.startsOf(node) + 1);
    this.#own.startNode(node);
  }

  portOf(node: string): string {
    return new URL(this.#own.nodeOrigin(node)).port;
  }

  /** Another process over the storage node's folder or a copy of it; at a free port when none is given. */
  startAsWell(id: string, folder: string, port: string | null): Run {
    return shardgate(["node", "--id", id, "--port", port ?? "0", "--gateway", this.origin, "--data", folder]);
  }

  startSecondGateway(): Run {
    return shardgate(["gateway", "--port", "0", "--shards", String(this.shards), "--registry", this.registryFile]);
  }

  /** The storage node's own data, at the gateway of the foreign cluster. */
  async startAtForeigners(node: string): Promise<Run> {
    const { origin } = (this.#foreign ??= await this.#startForeigners());
    this.#starts.set(node, this.startsOf(node) + 1);
    const args = ["--id", node, "--port", this.portOf(node), "--data", this.#own.folder];
    return shardgate(["node", ...args, "--gateway", origin]);
  }

  folderOf(node: string): string {
    return `${this.#own.folder}/${node}`;
  }

  /** Copies the folder of a storage node that is stopped. */
  keepCopy(node: string, name: string): void {
    const copy = `${this.folderOf(node)}.${name}`;
    rmSync(copy, { recursive: true, force: true });
    cpSync(this.folderOf(node), copy, { recursive: true });
  }

  /** The folder is put aside under that name; what had the name is gone. */
  setAside(node: string, name: string): void {
    rmSync(`${this.folderOf(node)}.${name}`, { recursive: true, force: true });
    renameSync(this.folderOf(node), `${this.folderOf(node)}.${name}`);
  }

  /** What was kept or put aside under that name is the storage node's folder now. */
  takeBack(node: string, name: string): void {
    rmSync(this.folderOf(node), { recursive: true, force: true });
    renameSync(`${this.folderOf(node)}.${name}`, this.folderOf(node));
  }

  async shardsOf(node: string): Promise<ReadonlySet<number>> {
    const rows = await shardRows(this.origin);
    return new Set(rows.filter(({ nodeId }) => nodeId === node).map(({ shardId }) => shardId));
  }

  /** Names of the storage nodes that own shards. */
  async owners(): Promise<readonly string[]> {
    const names = (await shardRows(this.origin)).map(({ nodeId }) => nodeId);
    return this.nodeNames.filter((name) => names.includes(name));
  }

  async problemOf(node: string): Promise<string | null> {
    return (await nodeRow(this.origin, node)).problem?.code ?? null;
  }

  async acceptLoss(node: string): Promise<void> {
    const { status, body } = await acceptLoss(this.origin, node);
    if (status !== 200) throw new Error(`The loss of ${node} is not accepted: ${JSON.stringify(body)}`);
  }

  /** Waits until every shard is served, and a key of each storage node is answered. */
  async ready(): Promise<void> {
    await this.#own.ready(readyWithinMs);
    for (let index = 0; index < 2 * this.shards; index++) await untilAnswered(this.origin, `probe${index}`);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#cluster?.stop(), this.#foreign?.stop()]);
    this.clocks.remove();
  }

  get #own(): ProcessCluster {
    if (this.#cluster === null) throw new Error("The cluster was never started.");
    return this.#cluster;
  }

  async #start(nodes: number): Promise<void> {
    const ports = await freePorts(nodes + 1);
    const { shards } = this;
    const { environment } = this.clocks;
    this.#cluster = await ProcessCluster.start({ nodes, shards, ports, gatewayArgs: silence, environment });
    copyFileSync(this.registryFile, this.registryCopy);
  }

  async #startForeigners(): Promise<ProcessCluster> {
    const ports = await freePorts(2);
    const foreign = { nodes: 1, shards: this.shards, ports, gatewayArgs: silence };
    const cluster = await ProcessCluster.start({ ...foreign, engine: "memory" });
    // Its shards are assigned, which makes it a cluster of its own; more is not needed of its storage node.
    await cluster.run("node1").stop();
    return cluster;
  }
}

/** Waits until the process has ended, and says with what it ended. */
export async function ended(run: Run): Promise<string> {
  return `${await run.ended()} ${run.stderr.trim().split("\n").at(-1) ?? ""}`;
}

/** Waits until the process has written that to its log. */
export function untilLogged(run: Run, text: string): Promise<void> {
  return eventually(() => {
    if (run.stderr.includes(text)) return;
    const log = run.stderr.slice(-2_000);
    if (!run.isRunning) throw new Stop(`It ended before it logged ${text}:\n${log}`);
    throw new Error(`${text} is not in its log:\n${log}`);
  }, readyWithinMs);
}

/** Waits for what must become so within seconds. */
export function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  return eventually(async () => {
    if (!(await isSo())) throw new Error(`It never happened that ${what}.`);
  }, readyWithinMs);
}
