/**
 * A small model of a cluster around the real registry commands: two storage nodes that start, crash, register by messages
 * that are late or lost, claim what the map says and take writes, while folders and the registry are copied and put back.
 * Whatever the order: nothing acknowledged is missing where a shard is read or written, unless an operator accepted that; no
 * version is given twice within a lineage; and a node that lost nothing is never refused as one that did.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShardgateError } from "../../src/core/error.js";
import type { ClusterMap } from "../../src/registry/cluster-map.js";
import type { NodeIdentity, RegistryCommand } from "../../src/registry/commands.js";
import { after, afterIfAllowed, servingMap, takeLead } from "./map-samples.js";

interface Held {
  epoch: number;
  released: number;
  lineage: number;
  sequence: number;
  readonly data: Set<number>;
}

interface Folder {
  readonly storeId: string;
  readonly starts: string[];
  mapVersion: number;
  clusterId: string | null;
  readonly held: Held[];
  /** Whether it is neither a copy nor new. */
  isOwn: boolean;
}

interface Process {
  readonly start: string;
  isAcknowledged: boolean;
  mark: string | null;
}

const names = ["a", "b"] as const;
type Name = (typeof names)[number];
const shardNumbers = [0, 1];

class Cluster {
  map: ClusterMap = servingMap(names, shardNumbers.length);
  readonly #folders = new Map<Name, Folder>(names.map((name) => [name, newFolder(name)]));
  readonly #processes = new Map<Name, Process>();
  readonly #folderCopies = new Map<Name, Folder>();
  #mapCopy: ClusterMap | null = null;
  readonly #messages: { readonly name: Name; readonly identity: NodeIdentity; readonly isOwn: boolean }[] = [];
  readonly #refused = new Set<Name>();
  readonly #acknowledged = shardNumbers.map(() => new Set<number>());
  readonly #versions = new Set<string>();
  #drawn = 0;
  writes = 0;

  constructor() {
    for (const name of names) {
      const folder = this.#folder(name);
      Object.assign(folder, { clusterId: "c-1" });
      folder.starts.push(`${name}-start-1`);
      this.#takeUp(name);
    }
  }

  start(name: Name): void {
    if (this.#processes.has(name)) return;
    const start = `start-${++this.#drawn}`;
    this.#folder(name).starts.unshift(start);
    this.#processes.set(name, { start, isAcknowledged: false, mark: null });
  }

  crash(name: Name): void {
    this.#processes.delete(name);
  }

  send(name: Name): void {
    const process = this.#processes.get(name);
    if (process === undefined || process.isAcknowledged) return;
    const { storeId, starts, clusterId, mapVersion, held, isOwn } = this.#folder(name);
    const claims = held.map(({ epoch, released, lineage, data }, shard) => {
      return { shard, epoch, releasedEpoch: released, keyCount: data.size, lineage };
    });
    const { start, mark } = process;
    const rest = { isEphemeral: false, isStoreShared: false, clusterId, mapVersion, claims, mark };
    this.#messages.push({ name, identity: { start, storeId, starts: [...starts], ...rest }, isOwn });
  }

  receive(which: number): void {
    const [message] = this.#messages.splice(which % Math.max(1, this.#messages.length), 1);
    if (message === undefined) return;
    const { name, identity, isOwn } = message;
    const process = this.#processes.get(name);
    const isCurrent = process?.start === identity.start;
    try {
      const url = `http://${name}:4001`;
      this.map = after(this.map, { kind: "registerNode", name, url, identity, newMark: this.#draw("mark") });
      this.#refused.delete(name);
    } catch (error) {
      if (!(error instanceof ShardgateError)) throw error;
      if (error.code === "STORE_NOT_RECOGNIZED" && isCurrent) {
        expect(isOwn, `${name} lost nothing and is refused: ${error.message}`).toBe(false);
        this.#refused.add(name);
      }
      if (error.code !== "REGISTRY_PUT_BACK") return;
    }
    if (!isCurrent) return;
    if (this.map.putBack !== null) process.mark = this.map.putBack.mark;
    else if (this.map.version >= this.#folder(name).mapVersion) {
      this.#takeUp(name);
      process.isAcknowledged = true;
    }
  }

  /** An acknowledged node hears of the map, or that it has to register anew. */
  heartbeat(name: Name): void {
    const process = this.#processes.get(name);
    if (process?.isAcknowledged !== true) return;
    const isAhead = this.#folder(name).mapVersion > this.map.version;
    if (this.map.putBack === null && !isAhead) return this.#takeUp(name);
    Object.assign(process, { isAcknowledged: false, mark: this.map.putBack?.mark ?? null });
  }

  /** Until the node is acknowledged, or refused. */
  serve(name: Name): void {
    this.start(name);
    for (let round = 0; round < 3; round++) {
      this.heartbeat(name);
      this.send(name);
      this.receive(this.#messages.length - 1);
    }
  }

  write(shard: number): void {
    const name = names.find((node) => node === this.map.shards[shard]?.primary);
    const held = name === undefined ? null : this.#open(name, shard);
    if (name === undefined || held === null) return;
    this.#expectComplete(name, shard, held);
    held.data.add(++this.writes);
    this.#acknowledged[shard]?.add(this.writes);
    const version = `shard ${shard}, lineage ${held.lineage}, version ${held.epoch}.${++held.sequence}`;
    expect(this.#versions.has(version), `given twice: ${version}`).toBe(false);
    this.#versions.add(version);
  }

  read(name: Name, shard: number): void {
    const held = this.#open(name, shard);
    if (held !== null) this.#expectComplete(name, shard, held);
  }

  /** An operator takes the loss of what the shard has elsewhere. */
  force(name: Name, shard: number): void {
    const before = this.map;
    const command = { kind: "assign", shard, node: name, ifEpoch: null, isForced: true, cause: "operator" } as const;
    this.map = afterIfAllowed(this.map, command);
    if (this.map !== before) this.#acknowledged[shard]?.clear();
  }

  acceptLoss(name: Name): void {
    if (!this.#refused.delete(name)) return;
    const refusal = { lastStart: this.map.nodes.get(name)?.lastStart ?? null };
    this.map = after(this.map, { kind: "acceptLoss", name, refusal });
    for (const shard of shardNumbers) if (this.map.shards[shard]?.primary === name) this.#acknowledged[shard]?.clear();
  }

  automatic(name: Name, shard: number): void {
    const epoch = this.map.shards[shard]?.epoch ?? 0;
    const commands: readonly RegistryCommand[] = [
      { kind: "renewEpochs", node: name, shards: [{ shard, epoch }] },
      { kind: "assignUnassigned", liveNodes: [name], held: [] },
      takeLead(this.#draw("leader")),
    ];
    this.map = commands.reduce((map, command) => afterIfAllowed(map, command), this.map);
  }

  copyFolder(name: Name): void {
    this.#folderCopies.set(name, structuredClone(this.#folder(name)));
  }

  /** Not a copy that was made after the start that was acknowledged last: nobody can tell that one. */
  restoreFolder(name: Name): void {
    const copy = this.#folderCopies.get(name);
    const lastStart = this.map.nodes.get(name)?.lastStart ?? "";
    if (copy === undefined || this.#processes.has(name) || copy.starts.includes(lastStart)) return;
    this.#folders.set(name, { ...structuredClone(copy), isOwn: false });
  }

  emptyFolder(name: Name): void {
    if (!this.#processes.has(name)) this.#folders.set(name, { ...newFolder(this.#draw("store")), isOwn: false });
  }

  copyRegistry(): void {
    this.#mapCopy = this.map;
  }

  restoreRegistry(): void {
    if (this.#mapCopy !== null) {
      this.map = after(this.#mapCopy, { kind: "markPutBack", newMark: this.#draw("mark") });
    }
  }

  #folder(name: Name): Folder {
    const folder = this.#folders.get(name);
    if (folder === undefined) throw new Error(`The model has no node ${name}.`);
    return folder;
  }

  #draw(what: string): string {
    return `${what}-${++this.#drawn}`;
  }

  /** Makes durable what the map means for the node. */
  #takeUp(name: Name): void {
    const folder = this.#folder(name);
    if (this.map.version < folder.mapVersion) return;
    Object.assign(folder, { mapVersion: this.map.version, clusterId: this.map.clusterId });
    for (const { shard, epoch, primary, lineage } of this.map.shards) {
      const held = folder.held[shard];
      if (held === undefined) continue;
      if (primary !== name) held.released = held.epoch > 0 ? Math.max(held.released, epoch) : 0;
      else if (epoch > held.epoch) Object.assign(held, { epoch, lineage, sequence: 0 });
    }
  }

  /** What the node has of the shard, if a gateway with the newest map reaches it there. */
  #open(name: Name, shard: number): Held | null {
    const record = this.map.shards[shard];
    const held = this.#folder(name).held[shard];
    if (this.#processes.get(name)?.isAcknowledged !== true || held === undefined) return null;
    const isOwner = this.map.putBack === null && record?.primary === name && record.epoch === held.epoch;
    return isOwner && held.epoch > held.released ? held : null;
  }

  #expectComplete(name: Name, shard: number, { data }: Held): void {
    const missing = [...(this.#acknowledged[shard] ?? [])].filter((write) => !data.has(write));
    expect(missing, `${name} answers for shard ${shard} without acknowledged writes`).toEqual([]);
  }
}

function newFolder(id: string): Folder {
  const held = shardNumbers.map(() => ({ epoch: 0, released: 0, lineage: 0, sequence: 0, data: new Set<number>() }));
  const storeId = id.length === 1 ? `${id}-store` : id;
  return { storeId, starts: [], mapVersion: 0, clusterId: null, held, isOwn: true };
}

type Step = (cluster: Cluster) => void;
const nodeArbitrary = fc.constantFrom(...names);
const shardArbitrary = fc.constantFrom(...shardNumbers);

function ofNode(run: (cluster: Cluster, name: Name) => void): fc.Arbitrary<Step> {
  return nodeArbitrary.map(
    (name): Step =>
      (cluster) =>
        run(cluster, name),
  );
}

function ofShard(run: (cluster: Cluster, name: Name, shard: number) => void): fc.Arbitrary<Step> {
  return fc.tuple(nodeArbitrary, shardArbitrary).map(
    ([name, shard]): Step =>
      (cluster) =>
        run(cluster, name, shard),
  );
}

const ordinary: readonly fc.Arbitrary<Step>[] = [
  ofNode((cluster, name) => cluster.start(name)),
  ofNode((cluster, name) => cluster.crash(name)),
  ofNode((cluster, name) => cluster.send(name)),
  ofNode((cluster, name) => cluster.heartbeat(name)),
  ofNode((cluster, name) => cluster.serve(name)),
  fc.constant<Step>((cluster) => names.forEach((name) => cluster.serve(name))),
  fc.constant<Step>((cluster) => [...names, ...names].forEach((name) => cluster.serve(name))),
  fc.nat(5).map(
    (which): Step =>
      (cluster) =>
        cluster.receive(which),
  ),
  fc.constant<Step>((cluster) => shardNumbers.forEach((shard) => cluster.write(shard))),
  fc.constant<Step>((cluster) => shardNumbers.forEach((shard) => cluster.write(shard))),
  ofShard((cluster, name, shard) => cluster.read(name, shard)),
  ofShard((cluster, name, shard) => cluster.automatic(name, shard)),
  ofShard((cluster, name, shard) => cluster.force(name, shard)),
];

function expectLossless(faults: readonly fc.Arbitrary<Step>[]): void {
  let writes = 0;
  fc.assert(
    fc.property(fc.array(fc.oneof(...ordinary, ...faults), { minLength: 40, maxLength: 120, size: "max" }), (steps) => {
      const cluster = new Cluster();
      for (const step of steps) step(cluster);
      writes += cluster.writes;
    }),
    { numRuns: 1000 },
  );
  // Else the model would be idle, and prove nothing.
  expect(writes).toBeGreaterThan(5000);
}

describe("nothing acknowledged is lost", () => {
  it("while data folders are copied, restored and emptied", () => {
    expectLossless([
      ofNode((cluster, name) => cluster.copyFolder(name)),
      ofNode((cluster, name) => cluster.restoreFolder(name)),
      ofNode((cluster, name) => cluster.emptyFolder(name)),
      ofNode((cluster, name) => cluster.acceptLoss(name)),
    ]);
  });

  it("while the registry is copied and restored", () => {
    expectLossless([
      fc.constant<Step>((cluster) => cluster.copyRegistry()),
      fc.constant<Step>((cluster) => cluster.restoreRegistry()),
    ]);
  });
});
