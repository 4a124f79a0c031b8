/** Which key has which version, in order of version; and the search in sorted lists that memory engines use. */
import type { Key } from "../../core/key.js";

export class VersionIndex {
  /** Ascending, with some that were removed. */
  #versions: number[] = [];
  readonly #keys = new Map<number, Key>();

  /** In the order in which versions are given, or any other: within one commit they may come out of order. */
  add(version: number, key: Key): void {
    this.#keys.set(version, key);
    const index = partition(this.#versions, (other) => other < version);
    this.#versions.splice(index, 0, version);
  }

  remove(version: number): void {
    this.#keys.delete(version);
    // Taken out many at once: each that were taken out by itself would move all behind it.
    if (this.#versions.length <= 2 * this.#keys.size + 64) return;
    this.#versions = this.#versions.filter((other) => this.#keys.has(other));
  }

  /** The keys whose versions are above `version`, in their order. */
  *after(version: number): Iterable<Key> {
    const versions = this.#versions;
    for (let index = partition(versions, (other) => other <= version); index < versions.length; index++) {
      const key = this.#keys.get(versions[index] ?? 0);
      if (key !== undefined) yield key;
    }
  }
}

/** How many of the sorted `items` come first and satisfy `isBefore`, which holds for a beginning of them and no other. */
export function partition<Item>(items: readonly Item[], isBefore: (item: Item) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle];
    if (item !== undefined && isBefore(item)) low = middle + 1;
    else high = middle;
  }
  return low;
}
