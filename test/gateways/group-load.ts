/**
 * Clients of several gateways at once, of which some change the cluster map; and what is wrong with what they saw: the entries must be
 * as client-load.ts says, and the cluster map must have changed as they asked.
 */
import type { ShardRow } from "../support/cluster-calls.js";
import { eventually } from "../support/processes.js";
import { ClientLoad } from "./client-load.js";
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

export class GroupLoad {
  /** By gateway. */
  readonly changers: ReadonlyMap<string, MapChanger>;
  readonly #group: GatewayGroup;
  readonly #before: readonly ShardRow[];
  readonly #clients: ClientLoad;
  readonly #end = new AbortController();
  readonly #changing: readonly Promise<void>[];

  static async start(group: GatewayGroup, shape: LoadShape): Promise<GroupLoad> {
    const [first = ""] = group.gatewayNames;
    return new GroupLoad(group, shape, await group.shards(first));
  }

  private constructor(group: GatewayGroup, shape: LoadShape, before: readonly ShardRow[]) {
    this.#group = group;
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
    const { seed, prefix, pauseMs, changePauseMs } = shape;
    const gateways = gatewayNames.map((name) => ({ name, origin: group.origin(name) }));
    const shards = { shardCount: before.length, shardsWithKeys: before.length - gatewayNames.length };
    this.#clients = new ClientLoad({ seed, prefix, pauseMs, gateways, ...shards });
    this.#changing = [...this.changers.values()].map((changer) => changer.run(this.#end.signal, changePauseMs));
  }

  /** From now on requests through this gateway may fail. */
  excuse(gateway: string): void {
    this.#clients.excuse(gateway);
  }

  changer(gateway: string): MapChanger {
    const changer = this.changers.get(gateway);
    if (changer === undefined) throw new Error(`No client changes the map through ${gateway}.`);
    return changer;
  }

  get figures() {
    const changes = [...this.changers.values()].reduce((sum, { acknowledged }) => sum + acknowledged, 0);
    return { ...this.#clients.figures, changes };
  }

  /** Ends the clients, once every gateway is well again, and resolves to all that is wrong. */
  async end(isHistoryWhole: boolean): Promise<readonly string[]> {
    await this.stop();
    await this.#group.ready();
    return [...(await this.#clients.complaints()), ...(await this.#wrongInMap(isHistoryWhole))];
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await Promise.all([this.#clients.stop(), ...this.#changing]);
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
}
