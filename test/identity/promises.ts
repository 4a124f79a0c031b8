/**
 * What clients were promised during a run, key by key: acknowledged writes stay and are never replaced by a write for an
 * older version, until an operator gives them up by his word; and no version is given twice within a shard.
 */
import { shardOfKey } from "../../src/core/shard.js";
import type { Key } from "../../src/core/key.js";
import { Ledger, type Read } from "../soak/ledger.js";

/** Of one key, in order. */
const versionsKept = 10;

export class Promises {
  /** Each is one too many. */
  readonly complaints: string[] = [];
  acknowledgedCount = 0;
  readonly #shardCount: number;
  readonly #ledger = new Ledger();
  readonly #versions = new Map<string, number[]>();
  readonly #givenUp = new Set<string>();
  /** Every version of a shard, with the key that it was given to. */
  readonly #given = new Map<string, string>();

  constructor(shardCount: number) {
    this.#shardCount = shardCount;
  }

  /** Keys that clients can rely on. */
  get keys(): readonly string[] {
    return this.#ledger.keys.filter((key) => !this.#givenUp.has(key));
  }

  isGivenUp(key: string): boolean {
    return this.#givenUp.has(key);
  }

  /** The versions acknowledged of a key, the oldest first. */
  versionsOf(key: string): readonly number[] {
    return this.#versions.get(key) ?? [];
  }

  acknowledge(key: string, value: number, version: number): void {
    this.acknowledgedCount++;
    const place = `version ${version} of shard ${this.#shardOf(key)}`;
    const other = this.#given.get(place);
    if (other !== undefined) this.complaints.push(`${place} was given twice: to ${other} and to ${key}`);
    this.#given.set(place, key);
    if (this.isGivenUp(key)) return;
    const versions = this.#versions.get(key) ?? [];
    const last = versions.at(-1) ?? 0;
    if (version <= last) this.complaints.push(`${key} got version ${version} after version ${last}`);
    this.#versions.set(key, [...versions, version].slice(-versionsKept));
    this.#ledger.put(key, value, version);
  }

  /** Whether that write happened is not known, and it may still happen. */
  unknown(key: string, value: number): void {
    if (!this.isGivenUp(key)) this.#ledger.unknown(key, value);
  }

  /** A write for a version that was replaced long ago. */
  overwritten(key: string, outdated: number, version: number): void {
    if (this.isGivenUp(key)) return;
    this.complaints.push(`a write to ${key} for version ${outdated}, long replaced, succeeded as version ${version}`);
  }

  /** Null: the key was answered as not found. */
  judge(key: string, read: Read | null): void {
    const complaint = this.isGivenUp(key) ? null : this.#ledger.complaint(key, read);
    if (complaint !== null) this.complaints.push(complaint);
  }

  /** An operator says that data of these shards may be lost or hidden: nothing is promised of their present keys. */
  giveUp(shards: ReadonlySet<number>): void {
    for (const key of this.#ledger.keys) if (shards.has(this.#shardOf(key))) this.#givenUp.add(key);
  }

  #shardOf(key: string): number {
    return shardOfKey(key as Key, this.#shardCount);
  }
}
