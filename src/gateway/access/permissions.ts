/** What a set of grants adds up to: the one place that decides whether a key may be read or written. Pure. */
import type { Grant } from "./grant.js";

export class Permissions {
  /** May change the cluster. */
  readonly isAdmin: boolean;
  readonly #readable: readonly string[];
  readonly #writable: readonly string[];

  constructor(grants: readonly Grant[]) {
    this.isAdmin = grants.some(({ role }) => role === "admin");
    this.#readable = shortest(grants.map(({ prefix }) => prefix));
    this.#writable = shortest(grants.filter(({ role }) => role !== "read").map(({ prefix }) => prefix));
  }

  /** Whether every key that begins with `prefix` may be read; of a whole key also: that key. */
  mayRead(prefix: string): boolean {
    return isCovered(prefix, this.#readable);
  }

  /** As `mayRead`, for writing. */
  mayWrite(prefix: string): boolean {
    return isCovered(prefix, this.#writable);
  }

  /** May read the whole key space, and so look at the cluster. */
  get mayReadAll(): boolean {
    return this.mayRead("");
  }

  /** Nothing needs to be checked key by key. */
  get mayWriteAll(): boolean {
    return this.mayWrite("");
  }
}

function isCovered(text: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => text.startsWith(prefix));
}

/** Without those that others cover, so that a check looks at as few as can be. */
function shortest(prefixes: readonly string[]): readonly string[] {
  const distinct = [...new Set(prefixes)];
  return distinct.filter((prefix) => !distinct.some((other) => other !== prefix && prefix.startsWith(other)));
}
