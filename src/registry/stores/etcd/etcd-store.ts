/**
 * A registry store in etcd, for many gateways. One prefix has the version, the beat, the map's text, and a key for each
 * record of the log; each change is one transaction that compares version and beat. A watch brings changes at once, and
 * since a watch may stay silent, the version is also read each second.
 */
import type { Clock } from "../../../core/clock.js";
import { ShardgateError } from "../../../core/error.js";
import { registryAttemptsMax, registryPollMs } from "../../../core/limits.js";
import type { TlsSource } from "../../../tls/tls-source.js";
import { compactedLog } from "../../assignment-log.js";
import { LogSize } from "../log-size.js";
import { PolledWatch } from "../polled-watch.js";
import type { RegistryStore, StoredDocument, StoredRegistry, StoreMark } from "../../registry-store.js";
import { EtcdClient, type EtcdAnswer, type EtcdCredentials } from "./etcd-client.js";
import { encoded, EtcdKeys, writeMark, type KeyComparison, type KeyOperation, type KeyValue } from "./etcd-keys.js";

export interface EtcdStoreOptions {
  readonly members: readonly string[];
  /** The prefix of all keys, without a trailing slash. */
  readonly prefix: string;
  readonly credentials: EtcdCredentials | null;
  readonly tls: TlsSource;
  readonly clock: Clock;
}

export class EtcdStore implements RegistryStore {
  readonly #client: EtcdClient;
  readonly #keys: EtcdKeys;
  readonly #prefix: string;
  readonly #watch: PolledWatch;
  readonly #logSize = new LogSize({ read: () => this.#logEntries(), compact: () => this.#compact() });

  constructor({ prefix, ...options }: EtcdStoreOptions) {
    this.#client = new EtcdClient(options);
    this.#keys = new EtcdKeys(this.#client);
    this.#prefix = prefix;
    this.#watch = new PolledWatch({
      readMark: () => this.#keys.lastWrite(this.#at("version")),
      stream: (changed, signal) => this.#streamChanges(changed, signal),
      pollMs: registryPollMs,
      clock: options.clock,
    });
  }

  async load(): Promise<StoredRegistry | null> {
    const [version, beat, map] = await this.#keys.getAll([this.#at("version"), this.#at("beat"), this.#at("map")]);
    if (version === null && beat === null && map === null) return null;
    if (version == null || beat == null || map == null) throw this.#corrupt("some of its keys are missing");
    return { version: this.#numberIn(version, "version"), beat: this.#numberIn(beat, "beat"), text: map.value };
  }

  async mark(): Promise<StoreMark | null> {
    const [version, beat] = await this.#keys.getAll([this.#at("version"), this.#at("beat")]);
    if (version === null && beat === null) return null;
    if (version == null || beat == null) throw this.#corrupt("some of its keys are missing");
    return { version: this.#numberIn(version, "version"), beat: this.#numberIn(beat, "beat") };
  }

  async compareAndSet(expected: StoreMark | null, next: StoredDocument, logRecord: string | null): Promise<boolean> {
    const written: KeyOperation[] = [
      { kind: "put", key: this.#at("version"), value: String(next.version) },
      { kind: "put", key: this.#at("map"), value: next.text },
      // Records of later versions are of a map that an older copy has replaced.
      { kind: "deleteRange", key: this.#logAt(next.version + 1), end: this.#logEnd },
    ];
    if (logRecord === null) written.push({ kind: "delete", key: this.#logAt(next.version) });
    else written.push({ kind: "put", key: this.#logAt(next.version), value: logRecord });
    if (expected === null) {
      written.push({ kind: "put", key: this.#at("beat"), value: "0" });
      written.push({ kind: "deleteRange", key: this.#logAt(0), end: this.#logAt(next.version) });
    }
    if (!(await this.#keys.commit(this.#comparisons(expected), written))) return false;
    await this.#logSize.grew(logRecord);
    return true;
  }

  async beat(expectedVersion: number): Promise<number | null> {
    for (let attempt = 1; attempt <= registryAttemptsMax; attempt++) {
      const known = await this.mark();
      if (known?.version !== expectedVersion) return null;
      const next: KeyOperation = { kind: "put", key: this.#at("beat"), value: String(known.beat + 1) };
      if (await this.#keys.commit(this.#comparisons(known), [next])) return known.beat + 1;
    }
    throw new ShardgateError("REGISTRY_UNAVAILABLE", "Other processes raised the registry's beat at the same time.");
  }

  async log(): Promise<readonly string[]> {
    return (await this.#logEntries()).map(({ value }) => value);
  }

  watch(onChange: () => void): () => void {
    return this.#watch.listen(onChange);
  }

  async close(): Promise<void> {
    this.#watch.close();
    await this.#client.close();
  }

  #streamChanges(changed: (mark: string) => void, signal: AbortSignal): Promise<void> {
    const onLine = (line: EtcdAnswer): void => {
      const mark = changeIn(line);
      if (mark !== null) changed(mark);
    };
    return this.#client.stream("/v3/watch", { create_request: { key: encoded(this.#at("version")) } }, onLine, signal);
  }

  #comparisons(expected: StoreMark | null): readonly KeyComparison[] {
    if (expected === null) return [{ key: this.#at("version"), value: null }];
    return [
      { key: this.#at("version"), value: String(expected.version) },
      { key: this.#at("beat"), value: String(expected.beat) },
    ];
  }

  async #logEntries(): Promise<readonly KeyValue[]> {
    const entries = await this.#keys.range(this.#logAt(0), this.#logEnd, pageRecords);
    this.#logSize.read(entries.map(({ value }) => value));
    return entries;
  }

  async #compact(): Promise<void> {
    const entries = await this.#logEntries();
    const records = compactedLog(entries.map(({ value }) => value));
    let [operations, comparisons, bytes]: [KeyOperation[], KeyComparison[], number] = [[], [], 0];
    const commit = async (): Promise<void> => {
      // A record that another process has compacted meanwhile stays as that one left it.
      if (operations.length > 0) await this.#keys.commit(comparisons, operations);
      [operations, comparisons, bytes] = [[], [], 0];
    };
    for (const [index, { key, value, modRevision }] of entries.entries()) {
      const record = records[index] ?? null;
      if (record === value) continue;
      if (operations.length === transactionOperationsMax || bytes > transactionBytesMax) await commit();
      operations.push(record === null ? { kind: "delete", key } : { kind: "put", key, value: record });
      comparisons.push({ key, modRevision });
      bytes += record?.length ?? 0;
    }
    await commit();
  }

  #numberIn({ value }: KeyValue, name: string): number {
    const number = Number(value);
    if (/^\d{1,16}$/.test(value) && Number.isSafeInteger(number)) return number;
    throw this.#corrupt(`its ${name} is ${JSON.stringify(value.slice(0, 40))}, which is not a whole number`);
  }

  #corrupt(what: string): ShardgateError {
    return new ShardgateError(
      "REGISTRY_CORRUPT",
      `The registry under ${this.#prefix}/ in etcd cannot be used: ${what}. It was left as it is. ` +
        "Restore etcd from a snapshot, or use another prefix to start a new cluster map.",
    );
  }

  #at(name: string): string {
    return `${this.#prefix}/${name}`;
  }

  #logAt(version: number): string {
    return this.#at(`log/${String(version).padStart(16, "0")}`);
  }

  /** Behind the last key of the log: "0" follows "/". */
  get #logEnd(): string {
    return this.#at("log0");
  }
}

/** Records of the log read at once: each has at most a few hundred kilobytes. */
const pageRecords = 16;

/** Operations in one transaction: etcd refuses more than 128 unless configured otherwise. */
const transactionOperationsMax = 100;

/** Bytes from which a transaction that compacts the log takes no further record: etcd refuses 1.5 MiB. */
const transactionBytesMax = 512 * 1024;

/** The mark of the newest write among the events in a line of the watch; null: it has none. */
function changeIn({ result }: EtcdAnswer): string | null {
  const { events, ...answer } = (result ?? {}) as {
    readonly events?: readonly { readonly kv?: { readonly mod_revision?: string } }[];
  };
  const revision = events?.at(-1)?.kv?.mod_revision;
  return revision === undefined ? null : writeMark(answer, revision);
}
