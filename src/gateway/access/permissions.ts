/** What a set of grants allows: the only place that decides whether a key may be read or written. Pure. */
import type { Grant } from "./grant.js";

export class Permissions {
  /** Whether the caller may change the cluster. */
  readonly isAdmin: boolean;
  readonly #readable: readonly string[];
  readonly #writable: readonly string[];

  constructor(grants: readonly Grant[]) {
    this.isAdmin = grants.some(({ role }) => role === "admin");
    this.#readable = shortest(grants.map(({ prefix }) => prefix));
    this.#writable = shortest(grants.filter(({ role }) => role !== "read").map(({ prefix }) => prefix));
  }

  /** Whether every key that begins with `prefix` may be read, and the key `prefix` itself. */
  mayRead(prefix: string): boolean {
    return isCovered(prefix, this.#readable);
  }

  /** Whether every key that begins with `prefix` may be written, and the key `prefix` itself. */
  mayWrite(prefix: string): boolean {
    return isCovered(prefix, this.#writable);
  }

  /** Whether the whole key space may be read, and so cluster data too. */
  get mayReadAll(): boolean {
    return this.mayRead("");
  }

  /** Whether the whole key space may be written, so that keys need no check. */
  get mayWriteAll(): boolean {
    return this.mayWrite("");
  }
}

function isCovered(text: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => text.startsWith(prefix));
}

/** The prefixes that no other prefix covers, so that checks are short. */
function shortest(prefixes: readonly string[]): readonly string[] {
  const distinct = [...new Set(prefixes)];
  return distinct.filter((prefix) => !distinct.some((other) => other !== prefix && prefix.startsWith(other)));
}
