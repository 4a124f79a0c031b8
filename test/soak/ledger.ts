/**
 * What clients were promised: per key the last write that was acknowledged, and the writes whose outcome they never
 * learnt. Each key has one writer, so that in the end one read says whether a promise was broken. Versions tell which
 * write a value came from.
 */

/** A number that stands for one written value; null: the key was deleted. */
type Written = number | null;

export interface Read {
  readonly value: number;
  readonly version: number;
}

interface Account {
  acknowledged: { readonly written: Written; readonly version: number } | null;
  readonly unknown: Set<Written>;
}

export class Ledger {
  readonly #accounts = new Map<string, Account>();

  get keys(): readonly string[] {
    return [...this.#accounts.keys()];
  }

  /** `version`: of the entry written. */
  put(key: string, value: number, version: number): void {
    this.#account(key).acknowledged = { written: value, version };
  }

  /** Also of a key that was not there. */
  deleted(key: string): void {
    const account = this.#account(key);
    account.acknowledged = { written: null, version: account.acknowledged?.version ?? 0 };
  }

  /** Nobody knows whether it was written, or will be. */
  unknown(key: string, written: Written): void {
    this.#account(key).unknown.add(written);
  }

  /** What is wrong with the key as it is read in the end, null when nothing is. */
  complaint(key: string, read: Read | null): string | null {
    const { acknowledged, unknown } = this.#account(key);
    const promised = acknowledged?.written ?? null;
    const version = acknowledged?.version ?? 0;
    if (read === null) {
      const mayBeGone = promised === null || unknown.has(null);
      return mayBeGone ? null : `${key} is gone; ${promised} was acknowledged as version ${version}`;
    }
    const isPromised = promised !== null && read.value === promised && read.version === version;
    if (isPromised || (unknown.has(read.value) && read.version > version)) return null;
    const text = promised === null ? "its deletion was acknowledged" : `${promised} was acknowledged`;
    return `${key} has ${read.value} as version ${read.version}; ${text}, last version ${version}`;
  }

  #account(key: string): Account {
    let account = this.#accounts.get(key);
    if (account === undefined) this.#accounts.set(key, (account = { acknowledged: null, unknown: new Set() }));
    return account;
  }
}
