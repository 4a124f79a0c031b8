/**
 * Conformance of a shared store as a property: whatever storage nodes claim, write, read and restart at the same time, and
 * whichever commits and replies are lost, no version is given twice or goes back, and what was acknowledged is read.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { versionsPerEpoch } from "../../src/core/limits.js";
import type { ShardNumber } from "../../src/core/shard.js";
import type { ChangesCursor, StorageEngine } from "../../src/storage/engine.js";
import { withAssignments } from "../../src/storage-node/identity/node-state.js";
import type { SharedStoreUnderTest } from "./shared-store.js";
import { get, noBudget, nowMs, put, read, shard, write } from "./storage-operations.js";

const nodes = ["a", "b", "c"] as const;
const shards = [0, 1].map(shard);
const keyTexts = ["k", "l"] as const;

const node = fc.constantFrom(...nodes);
const place = { node, shard: fc.constantFrom(...shards), key: fc.constantFrom(...keyTexts) };
/** How far the operation's epoch is behind the map's; null: it names none. */
const behind = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.constantFrom(null, 1, 2));
/** Most writes go to the owner. */
const isToOwner = fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.constant(false));
const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("write" as const), ...place, behind, isToOwner }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("read" as const), ...place, behind, isToOwner }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("move" as const), shard: place.shard, node }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("learn" as const), node }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const), node }) },
);
const fate = fc.oneof(
  { weight: 4, arbitrary: fc.constant("happens" as const) },
  fc.constantFrom("is lost" as const, "happens, reply lost" as const),
);
/** The actions of a round run at the same time, and their commits have one fate. */
const round = fc.record({ fate, actions: fc.array(action, { minLength: 1, maxLength: 8 }) });
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;
type DataAction = Extract<Action, { readonly kind: "write" | "read" }>;

export function describeTakeovers(name: string, create: () => Promise<SharedStoreUnderTest>, runs: number): void {
  describe(`${name}, under random takeovers`, () => {
    it(
      "gives no version twice or below an earlier one, and answers with all that was acknowledged",
      { timeout: 120_000 },
      async () => {
        const property = fc.asyncProperty(fc.array(round, { maxLength: 20 }), async (rounds) => {
          const cluster = await Cluster.open(await create());
          try {
            for (const { fate, actions } of rounds) await cluster.round(fate, actions);
            await cluster.settle();
          } finally {
            await cluster.close();
          }
        });
        await fc.assert(property, { numRuns: runs });
      },
    );
  });
}

/** What is known of one shard. */
interface Knowledge {
  /** The cluster map's. */
  owner: string;
  epoch: number;
  readonly given: Set<number>;
  /** The highest version that was acknowledged. */
  highest: number;
  /** By key, the version of the last acknowledged write. */
  readonly acknowledged: Map<string, number>;
  /** A reader of the change feed: its position, and the versions that it has heard of. */
  cursor: ChangesCursor | null;
  readonly followed: Map<string, number>;
}

class Cluster {
  readonly #store: SharedStoreUnderTest;
  readonly #engines = new Map<string, StorageEngine>();
  readonly #left: StorageEngine[] = [];
  readonly #known = new Map<ShardNumber, Knowledge>();
  #mapVersion = 1;

  static async open(store: SharedStoreUnderTest): Promise<Cluster> {
    const cluster = new Cluster(store);
    for (const name of nodes) await cluster.#take({ kind: "restart", node: name });
    await cluster.#take({ kind: "learn", node: "a" });
    return cluster;
  }

  private constructor(store: SharedStoreUnderTest) {
    this.#store = store;
    for (const number of shards) {
      const nothing = { given: new Set<number>(), acknowledged: new Map(), followed: new Map(), cursor: null };
      this.#known.set(number, { owner: "a", epoch: 1, highest: 0, ...nothing });
    }
  }

  async round(fate: Parameters<SharedStoreUnderTest["setCommits"]>[0], actions: readonly Action[]): Promise<void> {
    this.#store.setCommits(fate);
    await Promise.all(actions.map((action) => this.#take(action).catch(ignoreUnknown)));
    this.#store.setCommits("happens");
    for (const number of shards) await this.#follow(number);
  }

  /** All storage nodes learn the newest map: each shard is served by its owner alone, with all that was acknowledged. */
  async settle(): Promise<void> {
    for (const name of nodes) await this.#take({ kind: "learn", node: name });
    for (const number of shards) {
      const { owner, epoch, acknowledged, followed } = this.#shard(number);
      for (const name of nodes) {
        const gets = keyTexts.map((key) => get(key, number));
        const outcomes = await read(this.#engine(name), gets, noBudget, epoch);
        if (name === owner) expect(outcomes.map(({ kind }) => kind)).not.toContain("refused");
        else expect(outcomes).toMatchObject(gets.map(() => ({ code: "STALE_EPOCH" })));
      }
      const last = await Promise.all(keyTexts.map((key) => this.#write(owner, number, key, epoch)));
      expect(last).toEqual(keyTexts.map(() => "written"));
      await this.#follow(number);
      expect(followed).toEqual(acknowledged);
    }
  }

  async close(): Promise<void> {
    this.#store.setCommits("happens");
    await Promise.all([...this.#engines.values(), ...this.#left].map((engine) => engine.close()));
    await this.#store.close();
  }

  async #take(action: Action): Promise<void> {
    if (action.kind === "restart") {
      const engine = await this.#store.open(action.node);
      const former = this.#engines.get(action.node);
      // Calls of the former process may still run.
      if (former !== undefined) this.#left.push(former);
      this.#engines.set(action.node, engine);
    } else if (action.kind === "move") {
      const known = this.#shard(action.shard);
      Object.assign(known, { owner: action.node, epoch: known.epoch + 1 });
      this.#mapVersion++;
    } else if (action.kind === "learn") {
      const owned = [...this.#known].filter(([, { owner }]) => owner === action.node);
      const shards = owned.map(([shardId, { epoch }]) => ({ shardId, epoch }));
      const assignments = { clusterId: "cluster", shardCount: 2, mapVersion: this.#mapVersion, shards };
      await this.#engine(action.node).changeState((state) => withAssignments(state, assignments));
    } else await this.#operate(action);
  }

  async #operate({ kind, node: named, shard: number, key, behind, isToOwner }: DataAction): Promise<void> {
    const known = this.#shard(number);
    const epoch = behind === null ? null : Math.max(1, known.epoch - behind);
    const name = isToOwner ? known.owner : named;
    if (kind === "write") await this.#write(name, number, key, epoch);
    else await this.#read(name, number, key, epoch);
  }

  async #write(name: string, number: ShardNumber, key: string, epoch: number | null): Promise<string | undefined> {
    const known = this.#shard(number);
    const before = known.highest;
    const [outcome] = await write(this.#engine(name), [put(key, "1", { shard: number })], nowMs, epoch);
    if (outcome?.kind !== "written") return outcome?.kind;
    const version = Number(outcome.facts.version);
    expect(known.given).not.toContain(version);
    expect(version).toBeGreaterThan(before);
    if (epoch !== null) expect(Math.ceil(version / versionsPerEpoch)).toBe(epoch);
    known.given.add(version);
    known.highest = Math.max(known.highest, version);
    known.acknowledged.set(key, Math.max(version, known.acknowledged.get(key) ?? 0));
    return outcome.kind;
  }

  async #read(name: string, number: ShardNumber, key: string, epoch: number | null): Promise<void> {
    const before = this.#shard(number).acknowledged.get(key) ?? 0;
    const [outcome] = await read(this.#engine(name), [get(key, number)], noBudget, epoch);
    if (outcome?.kind === "notFound") expect(before).toBe(0);
    if (outcome?.kind === "found") expect(Number(outcome.entry.version)).toBeGreaterThanOrEqual(before);
  }

  /** A reader goes on at whichever storage node answers, and begins anew after a gap. */
  async #follow(number: ShardNumber): Promise<void> {
    const known = this.#shard(number);
    for (const engine of this.#engines.values()) {
      const from = (cursor: ChangesCursor | null) =>
        engine.changes({ shard: number, epoch: null, cursor, limit: 100, bytesMax: 1e6 });
      let outcome = await from(known.cursor);
      if (outcome.kind === "gap") {
        known.followed.clear();
        outcome = await from(null);
      }
      if (outcome.kind !== "changes") continue;
      known.cursor = outcome.cursor;
      for (const change of outcome.changes) {
        if (change.kind === "put") known.followed.set(change.entry.key, Number(change.entry.version));
      }
    }
  }

  #engine(name: string): StorageEngine {
    const engine = this.#engines.get(name);
    if (engine === undefined) throw new Error(`Storage node ${name} has no engine.`);
    return engine;
  }

  #shard(number: ShardNumber): Knowledge {
    const known = this.#known.get(number);
    if (known === undefined) throw new Error(`Shard ${number} is not of this test.`);
    return known;
  }
}

/** Nothing is learned from a call that failed, but a failed expectation. */
function ignoreUnknown(error: unknown): void {
  if (!(error instanceof Error && "code" in error)) throw error;
  if (!["OUTCOME_UNKNOWN", "STORAGE_FAILED", "SHARD_UNAVAILABLE"].includes(String(error.code))) throw error;
}
