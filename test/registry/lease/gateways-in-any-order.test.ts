/**
 * Gateways over one store, with faults in any order: they are suspended, also before a write; they are cut off; answers are
 * lost; the store falls back to a copy. Whatever happened, soon after the last fault they agree on one map and one leader,
 * which changes it; and on the way nothing is written twice under one version, or by a gateway that the map does not name.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { leaderBeatMs } from "../../../src/core/limits.js";
import { ShardgateError } from "../../../src/core/error.js";
import type { ClusterMap } from "../../../src/registry/cluster-map.js";
import { mapOf } from "../../../src/registry/stored-cluster-map.js";
import { clusterMapToText } from "../../../src/registry/text/cluster-map-text.js";
import { FakeClock, settle } from "../../support/fake-clock.js";
import { byHand } from "../map-samples.js";
import { openGateway, SharedStore, type TestGateway } from "../shared-store.js";

class Gateways {
  readonly #base = new FakeClock();
  readonly #shared = new SharedStore();
  readonly #all: TestGateway[] = [];
  /** Of every version, what each gateway that had it had. */
  readonly texts = new Map<number, Set<string>>();
  /** Storage nodes whose registration was acknowledged since the store fell back last. */
  #acknowledged: string[] = [];
  #names = 0;
  readonly #held: (() => void)[] = [];
  readonly #calls: Promise<void>[] = [];
  fallBacks = 0;
  changes = 0;

  async open(count: number): Promise<void> {
    for (let number = 1; number <= count; number++) {
      // Clocks that differ, and looks that do not fall together.
      const gateway = await openGateway(this.#shared, {
        name: `gw-${number}`,
        base: this.#base,
        rate: 1 + number / 10,
      });
      this.#all.push(gateway);
      let last = 0;
      gateway.registry.onChange((map) => {
        expect(map.version, `${gateway.name} goes back`).toBeGreaterThan(last);
        last = map.version;
        const known = this.texts.get(map.version) ?? new Set();
        this.texts.set(map.version, known.add(clusterMapToText(map)));
      });
      gateway.lease.start();
      await settle();
    }
    await this.#shared.makeCopy();
  }

  advance(ms: number): Promise<void> {
    return this.#base.advance(ms);
  }

  stop(which: number): void {
    this.#at(which).stop();
  }

  goOn(which: number): void {
    this.#at(which).goOn();
  }

  cut(which: number, isCut: boolean): void {
    this.#at(which).store.isCut = isCut;
  }

  loseAnswer(which: number): void {
    this.#at(which).store.isAnswerLost = true;
  }

  /** Before its next write, until `release`. */
  hold(which: number): void {
    const { store } = this.#at(which);
    const gate = new Promise<void>((resolve) => this.#held.push(resolve));
    store.beforeWrite = () => {
      store.beforeWrite = async () => undefined;
      return gate;
    };
  }

  release(): void {
    for (const goOn of this.#held.splice(0)) goOn();
  }

  /** Asked of every gateway that believes to lead, and of one more. */
  async change(which: number): Promise<void> {
    const asked = this.#all.filter((gateway) => gateway.registry.isLeading || gateway === this.#at(which));
    for (const gateway of asked) this.#ask(gateway);
    await settle();
  }

  #ask({ registry, name }: TestGateway): void {
    const node = `n${++this.#names}`;
    const { fallBacks } = this;
    const call = registry.execute(byHand(node)).then((map) => this.#done(node, map, { name, fallBacks }));
    // Refused, or not known.
    this.#calls.push(call.catch(ignoreRefusal));
  }

  #done(node: string, map: ClusterMap, asked: { readonly name: string; readonly fallBacks: number }): void {
    this.changes++;
    if (asked.fallBacks === this.fallBacks) this.#acknowledged.push(node);
    expect(map.leader?.name).toBe(asked.name);
  }

  copy(): Promise<void> {
    return this.#shared.makeCopy();
  }

  async fallBack(): Promise<void> {
    this.fallBacks++;
    this.#acknowledged = [];
    await this.#shared.fallBack();
  }

  /** Ends all faults, and waits until any leader that is gone is replaced, and any store is repaired. */
  async recover(): Promise<void> {
    this.release();
    for (const gateway of this.#all) {
      gateway.goOn();
      gateway.store.isCut = false;
      gateway.store.isAnswerLost = false;
      gateway.store.beforeWrite = async () => undefined;
    }
    await this.advance(25 * leaderBeatMs);
    await Promise.all(this.#calls);
  }

  async expectAgreement(): Promise<void> {
    const stored = await this.#shared.current.load();
    if (stored === null) throw new Error("The store is empty.");
    const map = mapOf(stored);
    for (const { registry, name } of this.#all) expect(registry.map, name).toEqual(map);
    const leaders = this.#all.filter(({ registry }) => registry.isLeading);
    expect(leaders.map(({ name }) => name)).toEqual([map.leader?.name]);
    for (const node of this.#acknowledged) expect(map.nodes.has(node), `node ${node} is lost`).toBe(true);
    const last = byHand("last");
    expect((await leaders[0]?.registry.execute(last))?.nodes.has("last")).toBe(true);
  }

  async close(): Promise<void> {
    for (const { lease, registry } of this.#all) {
      await Promise.all([lease.stop(), this.advance(leaderBeatMs)]);
      await registry.close();
    }
  }

  #at(which: number): TestGateway {
    const gateway = this.#all[which % this.#all.length];
    if (gateway === undefined) throw new Error("There is no gateway.");
    return gateway;
  }
}

type Step = (gateways: Gateways) => Promise<void> | void;

function ofOne(run: (gateways: Gateways, which: number) => Promise<void> | void): fc.Arbitrary<Step> {
  return fc.nat(2).map(
    (which): Step =>
      (gateways) =>
        run(gateways, which),
  );
}

const wait = fc.integer({ min: 1, max: 7 * leaderBeatMs }).map(
  (ms): Step =>
    (gateways) =>
      gateways.advance(ms),
);
const harmless = [
  wait,
  wait,
  ofOne((gateways, which) => gateways.change(which)),
  ofOne((gateways, which) => gateways.change(which)),
  fc.constant<Step>((gateways) => gateways.copy()),
];
const faults = [
  ofOne((gateways, which) => gateways.stop(which)),
  ofOne((gateways, which) => gateways.goOn(which)),
  ofOne((gateways, which) => gateways.cut(which, true)),
  ofOne((gateways, which) => gateways.cut(which, false)),
  ofOne((gateways, which) => gateways.loseAnswer(which)),
  ofOne((gateways, which) => gateways.hold(which)),
  fc.constant<Step>((gateways) => gateways.release()),
];
const fallBack = fc.constant<Step>((gateways) => gateways.fallBack());

async function expectRecovery(
  steps: readonly fc.Arbitrary<Step>[],
  check: (gateways: Gateways) => void = () => undefined,
): Promise<void> {
  const totals = { changes: 0, fallBacks: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(...steps), { minLength: 10, maxLength: 50, size: "max" }), async (run) => {
      const gateways = new Gateways();
      await gateways.open(3);
      for (const step of run) await step(gateways);
      await gateways.recover();
      await gateways.expectAgreement();
      check(gateways);
      totals.changes += gateways.changes;
      totals.fallBacks += gateways.fallBacks;
      await gateways.close();
    }),
    { numRuns: 120 },
  );
  // Else nothing would have been tried.
  expect(totals.changes).toBeGreaterThan(150);
}

function ignoreRefusal(error: unknown): void {
  if (!(error instanceof ShardgateError)) throw error;
}

/** That no version was given to two maps. */
function expectOneMapPerVersion({ texts }: Gateways): void {
  for (const [version, known] of texts) expect([...known], `version ${version}`).toHaveLength(1);
}

describe("gateways that share a registry store", () => {
  it("give no version twice and lose no change, whichever gateway is suspended, is cut off or loses its answer", async () => {
    await expectRecovery([...harmless, ...faults], expectOneMapPerVersion);
  });

  it("give no version twice while the store falls back and all of them see it", async () => {
    await expectRecovery([...harmless, fallBack], expectOneMapPerVersion);
  });

  it("agree again, and are never stuck, when the store falls back in the middle of all else", async () => {
    await expectRecovery([...harmless, ...harmless, ...faults, fallBack]);
  });
});
