/**
 * A registry store that several gateways of one test share: each has a handle and a clock of its own, which the test cuts off,
 * holds up or stops; and the store falls back to a copy that it made before, as a database does that fails over to a lagging one.
 */
import { afterEach, beforeEach } from "vitest";
import type { Clock } from "../../src/core/clock.js";
import { ShardgateError } from "../../src/core/error.js";
import { LeaseLoop } from "../../src/registry/lease/lease-loop.js";
import type { RegistryStore, StoredDocument, StoredRegistry, StoreMark } from "../../src/registry/registry-store.js";
import { Registry } from "../../src/registry/registry.js";
import { MemoryStore } from "../../src/registry/stores/memory-store.js";
import { FakeClock } from "../support/fake-clock.js";
import { RecordLog } from "../support/record-log.js";

export class SharedStore {
  current = new MemoryStore();
  readonly handles: StoreHandle[] = [];
  #copy: StoredRegistry | null = null;

  handle(): StoreHandle {
    const handle = new StoreHandle(this);
    this.handles.push(handle);
    return handle;
  }

  async makeCopy(): Promise<void> {
    this.#copy = await this.current.load();
  }

  /** What was written and beaten since the copy is lost. */
  async fallBack(): Promise<void> {
    this.current = new MemoryStore();
    if (this.#copy === null) return;
    const { version, beat } = this.#copy;
    await this.current.compareAndSet(null, this.#copy, null);
    for (let count = 0; count < beat; count++) await this.current.beat(version);
  }
}

export class StoreHandle implements RegistryStore {
  readonly #shared: SharedStore;
  /** Every call fails. */
  isCut = false;
  /** It hears of no changes. */
  isDeaf = false;
  /** Called before each compareAndSet, which waits for it. */
  beforeWrite: () => Promise<void> = async () => undefined;
  /** The next write happens, and this handle does not hear of it. */
  isAnswerLost = false;
  readonly #watchers = new Set<() => void>();

  constructor(shared: SharedStore) {
    this.#shared = shared;
  }

  load(): Promise<StoredRegistry | null> {
    return this.#call((store) => store.load());
  }

  mark(): Promise<StoreMark | null> {
    return this.#call((store) => store.mark());
  }

  async compareAndSet(expected: StoreMark | null, next: StoredDocument, record: string | null): Promise<boolean> {
    await this.beforeWrite();
    const isWritten = await this.#call((store) => store.compareAndSet(expected, next, record));
    if (isWritten) for (const handle of this.#shared.handles) handle.notify();
    if (!this.isAnswerLost) return isWritten;
    this.isAnswerLost = false;
    throw unavailable();
  }

  beat(expectedVersion: number): Promise<number | null> {
    return this.#call((store) => store.beat(expectedVersion));
  }

  log(): Promise<readonly string[]> {
    return this.#call((store) => store.log());
  }

  watch(onChange: () => void): () => void {
    this.#watchers.add(onChange);
    return () => this.#watchers.delete(onChange);
  }

  notify(): void {
    if (!this.isCut && !this.isDeaf) for (const watcher of this.#watchers) watcher();
  }

  async close(): Promise<void> {
    this.#watchers.clear();
  }

  async #call<Answer>(call: (store: MemoryStore) => Promise<Answer>): Promise<Answer> {
    if (this.isCut) throw unavailable();
    return call(this.#shared.current);
  }
}

/** Runs `rate` times as fast as the clock of the test. While it is stopped, nothing that it should call is called. */
export class GatewayClock implements Clock {
  readonly #base: FakeClock;
  readonly #rate: number;
  #isStopped = false;
  readonly #due: (() => void)[] = [];

  constructor(base: FakeClock, rate = 1) {
    this.#base = base;
    this.#rate = rate;
  }

  nowMs(): number {
    return this.#base.nowMs();
  }

  monotonicMs(): number {
    return this.#base.monotonicMs() * this.#rate;
  }

  after(delayMs: number, callback: () => void): () => void {
    let isCancelled = false;
    const cancel = this.#base.after(delayMs / this.#rate, () => {
      const run = (): void => (isCancelled ? undefined : callback());
      if (this.#isStopped) this.#due.push(run);
      else run();
    });
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  stop(): void {
    this.#isStopped = true;
  }

  goOn(): void {
    this.#isStopped = false;
    for (const run of this.#due.splice(0)) run();
  }
}

export interface TestGateway {
  readonly name: string;
  readonly registry: Registry;
  readonly lease: LeaseLoop;
  readonly store: StoreHandle;
  readonly clock: GatewayClock;
  readonly log: RecordLog;
  /** Whether it began or ceased to lead, in order. */
  readonly turns: boolean[];
  /** Ids that it drew. */
  readonly ids: string[];
  /** It is suspended from its next call on, as a stopped process is. */
  stop(): void;
  goOn(): void;
}

/** A gateway whose lease is not started yet. */
export async function openGateway(
  shared: SharedStore,
  { name, base, rate }: { readonly name: string; readonly base: FakeClock; readonly rate?: number },
): Promise<TestGateway> {
  const [clock, log, store, ids] = [new GatewayClock(base, rate), new RecordLog(), shared.handle(), [] as string[]];
  const registry = await Registry.open({
    store,
    clock,
    log,
    wanted: { shardCount: 4, clusterName: null },
    newClusterId: () => "c-1",
    newLeaderId() {
      ids.push(`${name}-${ids.length + 1}`);
      return ids.at(-1) ?? "";
    },
    self: () => ({ name, url: `http://${name}:4000` }),
  });
  const turns: boolean[] = [];
  registry.onLeadChange((isLeading) => turns.push(isLeading));
  const lease = new LeaseLoop({ registry, clock, log });
  const stand = (isStill: boolean): void => {
    store.isDeaf = isStill;
    if (isStill) clock.stop();
    else clock.goOn();
  };
  return { name, registry, lease, store, clock, log, turns, ids, stop: () => stand(true), goOn: () => stand(false) };
}

/** A store, and the gateways over it that a test opens: new ones for each test, closed after it. */
export class TestGateways {
  base = new FakeClock();
  shared = new SharedStore();
  opened: TestGateway[] = [];

  constructor() {
    beforeEach(() => {
      this.base = new FakeClock();
      this.shared = new SharedStore();
      this.opened = [];
    });
    afterEach(async () => {
      for (const gateway of this.opened) {
        gateway.store.isCut = false;
        gateway.goOn();
        await gateway.registry.close();
      }
    });
  }

  /** Its lease is not started yet. */
  async open(name: string, rate = 1): Promise<TestGateway> {
    const gateway = await openGateway(this.shared, { name, base: this.base, rate });
    this.opened.push(gateway);
    return gateway;
  }
}

function unavailable(): ShardgateError {
  return new ShardgateError("REGISTRY_UNAVAILABLE", "The store of this test does not answer.");
}
