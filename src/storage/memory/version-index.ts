/** Maps versions to keys, in order of version. Also has the binary search over sorted lists that memory engines use. */
import type { Key } from "../../core/key.js";

export class VersionIndex {
  /** Ascending. May contain versions that have been removed from `#keys`. */
  #versions: number[] = [];
  readonly #keys = new Map<number, Key>();

  /** Adds a version. Versions mostly ascend, but may arrive out of order within one commit. */
  add(version: number, key: Key): void {
    this.#keys.set(version, key);
    const index = partition(this.#versions, (other) => other < version);
    this.#versions.splice(index, 0, version);
  }

  remove(version: number): void {
    this.#keys.delete(version);
    // Removed versions are dropped many at once: dropping one would move all versions after it.
    if (this.#versions.length <= 2 * this.#keys.size + 64) return;
    this.#versions = this.#versions.filter((other) => this.#keys.has(other));
  }

  /** Yields the keys whose versions are above `version`, in order of version. */
  *after(version: number): Iterable<Key> {
    const versions = this.#versions;
    for (let index = partition(versions, (other) => other <= version); index < versions.length; index++) {
      const key = this.#keys.get(versions[index] ?? 0);
      if (key !== undefined) yield key;
    }
  }
}

/** The number of leading `items` that satisfy `isBefore`, which must hold for a prefix of the sorted items only. */
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
