/**
 * Clients that write and read through several gateways at once, and what is wrong with what they saw: operations on hot keys must be
 * linearizable, what was acknowledged must be there, no shard may give a version twice, and only gateways that are hurt may fail.
 */
import { parseKey } from "../../src/core/key.js";
import { shardOfKey } from "../../src/core/shard.js";
import { checkHistory } from "../linearizability/check-history.js";
import { readAll, runClients, type Target } from "../linearizability/clients.js";
import { gatewayTarget } from "../linearizability/gateway-target.js";
import { Recorder, type Result } from "../linearizability/history.js";
import { Random } from "../linearizability/random.js";
import { Ledger } from "../soak/ledger.js";

export interface ClientLoadShape {
  readonly seed: number;
  /** Begins all keys: those of an earlier load have entries, of which this one knows nothing. */
  readonly prefix: string;
  /** Pause of each client between two requests. */
  readonly pauseMs: number;
  readonly gateways: readonly { readonly name: string; readonly origin: string }[];
  readonly shardCount: number;
  /** Only the first ones of the shards get keys. */
  readonly shardsWithKeys: number;
}

interface Written {
  readonly key: string;
  readonly value: number;
  readonly version: number | null;
}

const clients = 6;
/** Longer than any request takes that no fault concerns. */
const timeoutMs = 10_000;

export class ClientLoad {
  readonly #shape: ClientLoadShape;
  readonly #recorder = new Recorder();
  readonly #ledger = new Ledger();
  readonly #targets: readonly Target[];
  readonly #excused = new Set<string>();
  readonly #failures: string[] = [];
  /** Of the writers, which the history does not have. */
  readonly #written: Written[] = [];
  readonly #end = new AbortController();
  readonly #working: readonly Promise<unknown>[];
  #ofWriters = 0;
  #refused = 0;
  #unknown = 0;

  constructor(shape: ClientLoadShape) {
    this.#shape = shape;
    this.#targets = shape.gateways.map((gateway) => this.#watched(gateway));
    this.#working = this.#start();
  }

  /** From now on requests through this gateway may fail. */
  excuse(gateway: string): void {
    this.#excused.add(gateway);
  }

  get figures() {
    const operations = this.#recorder.length + this.#ofWriters;
    return { operations, acknowledgedWrites: this.#written.length, refused: this.#refused, unknown: this.#unknown };
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await Promise.all(this.#working);
  }

  /** All that is wrong. Call when the clients have stopped, and every gateway is well again. */
  async complaints(): Promise<readonly string[]> {
    await readAll({ keys: this.#keys("hot/", 6), targets: this.#targets, recorder: this.#recorder });
    return [
      ...this.#failures,
      ...checkHistory(this.#recorder.calls).map(({ text }) => text),
      ...(await this.#lostWrites()),
      ...this.#versionsTwice(),
    ];
  }

  #start(): readonly Promise<unknown>[] {
    const { seed, pauseMs } = this.#shape;
    const random = new Random(seed);
    const { signal } = this.#end;
    const afterRequest = (): Promise<void> => pause(pauseMs);
    const shared = { clients, operations: Infinity, signal, targets: this.#targets, recorder: this.#recorder };
    const working = [
      runClients({ ...shared, afterRequest, random: random.fork(), keys: this.#keys("hot/", 6) }),
      ...this.#targets.map((_, writer) => this.#write(writer)),
    ];
    return working.map((client) => client.catch((error: unknown) => this.#failures.push(String(error))));
  }

  /** A writer writes keys of its own, each again and again, through all gateways in turn. */
  async #write(writer: number): Promise<void> {
    const keys = this.#keys(`writer${writer}/`, 40);
    for (let number = 1; !this.#end.signal.aborted; number++) {
      const key = keys[number % keys.length] ?? "";
      const way = number % 2 === 0 ? "graphql" : "rest";
      const target = this.#targets[(writer + number) % this.#targets.length];
      const action = { kind: "put", value: number, condition: null } as const;
      const [result] = (await target?.({ way, asks: [{ key, action }] })) ?? [];
      this.#ofWriters++;
      if (result?.kind === "written") {
        this.#written.push({ key, value: number, version: result.version });
        this.#ledger.put(key, number, result.version ?? 0);
      } else if (result?.kind !== "refused") this.#ledger.unknown(key, number);
      await pause(this.#shape.pauseMs);
    }
  }

  /** The gateway, with each failure noted that none of its faults explains. */
  #watched({ name, origin }: ClientLoadShape["gateways"][number]): Target {
    const target = gatewayTarget({ origin, timeoutMs });
    return async (request) => {
      const results = await target(request);
      this.#refused += results.filter(({ kind }) => kind === "refused").length;
      this.#unknown += results.filter(({ kind }) => kind === "unknown").length;
      const failed = results.find(isFailed);
      if (failed !== undefined && !this.#excused.has(name)) {
        this.#failures.push(`${name} failed: ${JSON.stringify(failed)} for ${JSON.stringify(request)}`);
      }
      return results;
    };
  }

  async #lostWrites(): Promise<readonly string[]> {
    const [target] = this.#targets;
    const wrong = await Promise.all(
      this.#ledger.keys.map(async (key) => {
        const [result] = (await target?.({ way: "graphql", asks: [{ key, action: { kind: "get" } }] })) ?? [];
        if (result?.kind !== "found") return this.#ledger.complaint(key, null);
        return this.#ledger.complaint(key, { value: result.entry.value ?? 0, version: result.entry.version ?? 0 });
      }),
    );
    return wrong.filter((text) => text !== null);
  }

  #versionsTwice(): readonly string[] {
    const ofHistory = this.#recorder.calls.flatMap(({ key, action, result }): readonly Written[] =>
      result.kind === "written" && action.kind === "put" ? [{ key, value: action.value, version: result.version }] : [],
    );
    const given = new Map<string, Written>();
    const wrong: string[] = [];
    for (const write of [...this.#written, ...ofHistory]) {
      if (write.version === null) continue;
      const shard = shardOfKey(parseKey(write.key), this.#shape.shardCount);
      const place = `version ${write.version} of shard ${shard}`;
      const other = given.get(place);
      if (other !== undefined) wrong.push(`${place} was given twice: ${JSON.stringify([other, write])}`);
      given.set(place, write);
    }
    return wrong;
  }

  #keys(prefix: string, count: number): readonly string[] {
    const { shardCount, shardsWithKeys } = this.#shape;
    const keys: string[] = [];
    for (let index = 0; keys.length < count; index++) {
      const key = `${this.#shape.prefix}/${prefix}${index}`;
      if (shardOfKey(parseKey(key), shardCount) < shardsWithKeys) keys.push(key);
    }
    return keys;
  }
}

function isFailed({ kind }: Result): boolean {
  return kind === "refused" || kind === "unknown";
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
