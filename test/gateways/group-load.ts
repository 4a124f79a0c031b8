/**
 * Clients of several gateways at once, and what is wrong with what they saw: their operations on hot keys must be linearizable, what
 * was acknowledged must be there, the cluster map must have changed as they asked, and only gateways that are hurt may fail.
 */
import { parseKey } from "../../src/core/key.js";
import { shardOfKey } from "../../src/core/shard.js";
import { checkHistory } from "../linearizability/check-history.js";
import { readAll, runClients, type Target } from "../linearizability/clients.js";
import { gatewayTarget } from "../linearizability/gateway-target.js";
import { Recorder } from "../linearizability/history.js";
import { Random } from "../linearizability/random.js";
import { Ledger } from "../soak/ledger.js";
import type { ShardRow } from "../support/cluster-calls.js";
import { eventually } from "../support/processes.js";
import type { GatewayGroup } from "./gateway-group.js";
import { histories, MapChanger } from "./map-changers.js";

export interface LoadShape {
  readonly seed: number;
  /** Begins all keys: those of an earlier load have entries, of which this one knows nothing. */
  readonly prefix: string;
  /** Pause of each client between two requests. */
  readonly pauseMs: number;
  /** Pause of each client between two changes of the map. */
  readonly changePauseMs: number;
}

const clients = 6;
/** Longer than any request takes that no fault concerns. */
const timeoutMs = 10_000;

export class GroupLoad {
  /** By gateway. */
  readonly changers: ReadonlyMap<string, MapChanger>;
  readonly #group: GatewayGroup;
  readonly #shape: LoadShape;
  readonly #before: readonly ShardRow[];
  readonly #recorder = new Recorder();
  readonly #ledger = new Ledger();
  readonly #targets: readonly { readonly gateway: string; readonly target: Target }[];
  readonly #excused = new Set<string>();
  readonly #failures: string[] = [];
  readonly #end = new AbortController();
  readonly #working: readonly Promise<unknown>[];
  #answers = 0;

  static async start(group: GatewayGroup, shape: LoadShape): Promise<GroupLoad> {
    const [first = ""] = group.gatewayNames;
    return new GroupLoad(group, shape, await group.shards(first));
  }

  private constructor(group: GatewayGroup, shape: LoadShape, before: readonly ShardRow[]) {
    this.#group = group;
    this.#shape = shape;
    this.#before = before;
    const { gatewayNames, nodeNames: nodes } = group;
    // The last shards have no keys.
    const changed = before.slice(-gatewayNames.length);
    const pairs = gatewayNames.flatMap((gateway, index) => {
      const row = changed[index];
      const parts = { gateway, origin: group.origin(gateway), nodes };
      return row === undefined ? [] : [[gateway, new MapChanger({ ...parts, before: row })] as const];
    });
    this.changers = new Map(pairs);
    this.#targets = gatewayNames.map((gateway) => ({ gateway, target: this.#watched(gateway) }));
    this.#working = this.#start();
  }

  /** From now on requests through this gateway may fail. */
  excuse(gateway: string): void {
    this.#excused.add(gateway);
  }

  changer(gateway: string): MapChanger {
    const changer = this.changers.get(gateway);
    if (changer === undefined) throw new Error(`No client changes the map through ${gateway}.`);
    return changer;
  }

  get figures() {
    const changes = [...this.changers.values()].reduce((sum, { acknowledged }) => sum + acknowledged, 0);
    return { operations: this.#recorder.length, acknowledgedWrites: this.#answers, changes };
  }

  /** Ends the clients, once every gateway is well again, and resolves to all that is wrong. */
  async end(isHistoryWhole: boolean): Promise<readonly string[]> {
    await this.stop();
    await this.#group.ready();
    const targets = this.#targets.map(({ target }) => target);
    await readAll({ keys: this.#keys("hot/", 6), targets, recorder: this.#recorder });
    return [
      ...this.#failures,
      ...checkHistory(this.#recorder.calls).map(({ text }) => text),
      ...(await this.#lostWrites()),
      ...(await this.#wrongInMap(isHistoryWhole)),
    ];
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await Promise.all(this.#working);
  }

  #start(): readonly Promise<unknown>[] {
    const { seed, pauseMs, changePauseMs } = this.#shape;
    const random = new Random(seed);
    const { signal } = this.#end;
    const afterRequest = (): Promise<void> => pause(pauseMs);
    const targets = this.#targets.map(({ target }) => target);
    const shared = { clients, operations: Infinity, signal, targets, recorder: this.#recorder, afterRequest };
    return [
      runClients({ ...shared, random: random.fork(), keys: this.#keys("hot/", 6) }),
      ...this.#targets.map((_, writer) => this.#write(writer)),
      ...[...this.changers.values()].map((changer) => changer.run(signal, changePauseMs)),
    ];
  }

  /** A writer writes keys of its own, each again and again, through all gateways in turn. */
  async #write(writer: number): Promise<void> {
    const keys = this.#keys(`writer${writer}/`, 40);
    for (let number = 1; !this.#end.signal.aborted; number++) {
      const key = keys[number % keys.length] ?? "";
      const way = number % 2 === 0 ? "graphql" : "rest";
      const place = this.#targets[(writer + number) % this.#targets.length];
      const action = { kind: "put", value: number, condition: null } as const;
      const [result] = (await place?.target({ way, asks: [{ key, action }] })) ?? [];
      if (result?.kind === "written") {
        this.#answers++;
        this.#ledger.put(key, number, result.version ?? 0);
      } else if (result?.kind !== "refused") this.#ledger.unknown(key, number);
      await pause(this.#shape.pauseMs);
    }
  }

  /** The gateway, with each failure noted that none of its faults explains. */
  #watched(gateway: string): Target {
    const target = gatewayTarget({ origin: this.#group.origin(gateway), timeoutMs });
    return async (request) => {
      const results = await target(request);
      const failed = results.find(({ kind }) => kind === "refused" || kind === "unknown");
      if (failed !== undefined && !this.#excused.has(gateway)) {
        this.#failures.push(`${gateway} failed: ${JSON.stringify(failed)} for ${JSON.stringify(request)}`);
      }
      return results;
    };
  }

  async #lostWrites(): Promise<readonly string[]> {
    const target = this.#targets[0]?.target;
    const wrong = await Promise.all(
      this.#ledger.keys.map(async (key) => {
        const [result] = (await target?.({ way: "graphql", asks: [{ key, action: { kind: "get" } }] })) ?? [];
        if (result?.kind !== "found") return this.#ledger.complaint(key, null);
        return this.#ledger.complaint(key, { value: result.entry.value ?? 0, version: result.entry.version ?? 0 });
      }),
    );
    return wrong.filter((text) => text !== null);
  }

  async #wrongInMap(isHistoryWhole: boolean): Promise<readonly string[]> {
    const wrong: string[] = [];
    const [first = "", ...others] = this.#group.gatewayNames;
    // One that follows may hear of the last change a second later.
    const rows = await eventually(async () => {
      const ofFirst = await this.#group.shards(first);
      for (const other of others) {
        const isSame = JSON.stringify(await this.#group.shards(other)) === JSON.stringify(ofFirst);
        if (!isSame) throw new Error(`${other} and ${first} have different cluster maps.`);
      }
      return ofFirst;
    });
    const known = await histories(this.#group.origin(first));
    const moved = this.#before.length - this.changers.size;
    for (const before of this.#before.slice(0, moved)) {
      const now = rows[before.shardId];
      const isSame = now?.nodeId === before.nodeId && (now.epoch === before.epoch || !isHistoryWhole);
      if (!isSame) wrong.push(`shard ${before.shardId} was reassigned: ${JSON.stringify({ before, now })}`);
    }
    for (const [index, changer] of [...this.changers.values()].entries()) {
      const row = rows[moved + index];
      if (row !== undefined) wrong.push(...changer.complaints(row, known[moved + index] ?? [], isHistoryWhole));
    }
    return wrong;
  }

  /** Keys of shards that stay where they are. */
  #keys(prefix: string, count: number): readonly string[] {
    const shardCount = this.#before.length;
    const keys: string[] = [];
    for (let index = 0; keys.length < count; index++) {
      const key = `${this.#shape.prefix}/${prefix}${index}`;
      if (shardOfKey(parseKey(key), shardCount) < shardCount - this.#group.gatewayNames.length) keys.push(key);
    }
    return keys;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
