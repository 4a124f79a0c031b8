/**
 * Several gateways and several storage nodes over one database, as processes that a test can hurt one by one. Every process reaches the
 * database over a line of its own, which can be cut, and which can hold a transaction before its COMMIT.
 */
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Line } from "../gateways/line.js";
import { ask, nodeRows, shardRows, type NodeRow, type ShardRow } from "../support/cluster-calls.js";
import { untilReady } from "../support/gateway-calls.js";
import { eventually, freePorts, shardgate, temporaryFolder, type Run } from "../support/processes.js";
import { databasePlace, databasePassword } from "./store-database.js";

export interface StoreGroupShape {
  /** Where the servers of the database listen on loopback. */
  readonly databasePorts: readonly number[];
  /** In the database, too, unless a file of the one gateway has it. */
  readonly registry: "database" | "file";
  readonly gateways: number;
  readonly nodes: number;
  readonly shards: number;
  readonly gatewayArgs?: readonly string[];
}

/** How PostgreSQL's clients send it, as one message. */
const commitMessage = Buffer.from("Q\0\0\0\x0bCOMMIT\0", "latin1");

export class StoreGroup {
  readonly gatewayNames: readonly string[];
  readonly nodeNames: readonly string[];
  readonly #shape: StoreGroupShape;
  readonly #ports = new Map<string, number>();
  /** Of each process, to each server of the database. */
  readonly #lines = new Map<string, readonly Line[]>();
  readonly #linePorts = new Map<string, readonly number[]>();
  readonly #runs = new Map<string, Run>();
  /** Of each process, all that ran. */
  readonly #logs: { readonly name: string; readonly run: Run }[] = [];
  readonly #folder = temporaryFolder();

  /** Resolves when every gateway serves every shard. */
  static async start(shape: StoreGroupShape): Promise<StoreGroup> {
    const group = new StoreGroup(shape);
    try {
      await group.#openLines();
      for (const name of group.names) group.start(name);
      await group.ready();
    } catch (error) {
      const words = group.names.map((name) => `\n${name}: ${group.#runs.get(name)?.stderr}`);
      await group.stop();
      throw new Error(`The gateways are not ready.${words.join("")}`, { cause: error });
    }
    return group;
  }

  private constructor(shape: StoreGroupShape) {
    this.#shape = shape;
    this.gatewayNames = Array.from({ length: shape.gateways }, (_, index) => `gateway${index + 1}`);
    this.nodeNames = Array.from({ length: shape.nodes }, (_, index) => `node${index + 1}`);
  }

  get names(): readonly string[] {
    return [...this.gatewayNames, ...this.nodeNames];
  }

  get shardCount(): number {
    return this.#shape.shards;
  }

  origin(name: string): string {
    return `http://127.0.0.1:${this.#ports.get(name)}`;
  }

  /** Of the first gateway. */
  get anyOrigin(): string {
    return this.origin(this.gatewayNames[0] ?? "");
  }

  run(name: string): Run {
    const run = this.#runs.get(name);
    if (run === undefined) throw new Error(`${name} was never started.`);
    return run;
  }

  /** Starts a gateway or a storage node, for the first time or again. */
  start(name: string): void {
    const args = this.gatewayNames.includes(name) ? this.#gatewayArgs(name) : this.#nodeArgs(name);
    const environment = { SHARDGATE_REGISTRY_PASSWORD: databasePassword, SHARDGATE_STORE_PASSWORD: databasePassword };
    const run = shardgate(args, environment);
    this.#runs.set(name, run);
    this.#logs.push({ name, run });
  }

  /** The ways from these processes to the database. */
  lines(names: readonly string[]): readonly Line[] {
    return names.flatMap((name) => this.#lines.get(name) ?? []);
  }

  /** Resolves when a transaction of this process is held: it has written, and its COMMIT does not arrive. */
  async holdAtCommit(name: string): Promise<void> {
    await Promise.race(this.lines([name]).map((line) => line.holdAt(commitMessage)));
  }

  /** As the first gateway knows them. */
  shards(): Promise<readonly ShardRow[]> {
    return shardRows(this.anyOrigin);
  }

  nodes(): Promise<readonly NodeRow[]> {
    return nodeRows(this.anyOrigin);
  }

  async drain(node: string): Promise<void> {
    await this.#operator("POST", `/nodes/${node}/drain`);
  }

  /** To another storage node of the store: a takeover. */
  async assign(shardId: number, nodeId: string): Promise<void> {
    await this.#operator("POST", "/shards/assign", { shardId, nodeId, force: false });
  }

  async undoDrain(node: string): Promise<void> {
    await this.#operator("DELETE", `/nodes/${node}/drain`);
  }

  /** Waits until each gateway serves every shard, and no storage node is missing. */
  async ready(withinMs = 60_000): Promise<void> {
    for (const name of this.gatewayNames) await untilReady(this.origin(name), withinMs);
    await eventually(async () => {
      const up = (await this.nodes()).filter(({ state }) => state === "UP");
      if (up.length < this.nodeNames.length) throw new Error(`Storage nodes that are UP: ${JSON.stringify(up)}`);
    }, withinMs);
  }

  /** A file per process, with what each of its runs has logged. */
  writeLogs(folder: string): void {
    mkdirSync(folder, { recursive: true });
    for (const { name } of this.#logs) writeFileSync(path.join(folder, `${name}.log`), "");
    for (const { name, run } of this.#logs) appendFileSync(path.join(folder, `${name}.log`), run.stdout + run.stderr);
  }

  async stop(): Promise<void> {
    for (const run of this.#runs.values()) run.child.kill("SIGCONT");
    await Promise.all([...this.#runs.values()].map((run) => run.stop("SIGKILL")));
    await Promise.all(this.lines(this.names).map((line) => line.close()));
    this.#folder.remove();
  }

  async #operator(method: string, path: string, request?: unknown): Promise<void> {
    const { status, body } = await ask(this.anyOrigin, method, path, request);
    if (status < 200 || status > 299) throw new Error(`${method} ${path} was answered ${JSON.stringify(body)}`);
  }

  async #openLines(): Promise<void> {
    const { databasePorts } = this.#shape;
    const ports = [...(await freePorts(this.names.length * (1 + databasePorts.length)))];
    for (const name of this.names) {
      this.#ports.set(name, ports.pop() ?? 0);
      const linePorts = databasePorts.map(() => ports.pop() ?? 0);
      const opening = linePorts.map((port, index) =>
        Line.open({ host: "127.0.0.1", port, to: databasePorts[index] ?? 0 }),
      );
      this.#linePorts.set(name, linePorts);
      this.#lines.set(name, await Promise.all(opening));
    }
  }

  #gatewayArgs(name: string): readonly string[] {
    const { registry, nodes, shards, gatewayArgs = [] } = this.#shape;
    const file = `${this.#folder.path}/registry.json`;
    const args = ["gateway", "--id", name, "--port", this.#port(name), "--advertise", this.origin(name)];
    args.push("--registry", registry === "file" ? file : this.#database(name));
    return [...args, "--shards", `${shards}`, "--nodes", `${nodes}`, ...gatewayArgs];
  }

  #nodeArgs(name: string): readonly string[] {
    const gateways = this.gatewayNames.map((gateway) => this.origin(gateway)).join(",");
    const args = ["node", "--id", name, "--port", this.#port(name), "--gateway", gateways];
    return [...args, "--engine", "postgres", "--store", this.#database(name)];
  }

  #port(name: string): string {
    return `${this.#ports.get(name)}`;
  }

  #database(name: string): string {
    return databasePlace(this.#linePorts.get(name) ?? []);
  }
}
