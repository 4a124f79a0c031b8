import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { leaderBeatMs } from "../../../src/core/limits.js";
import {
  leaseAfter,
  newLease,
  type LeaseObservation,
  type LeaseState,
  type LeaseStep,
} from "../../../src/registry/lease/lease.js";

type Watched = LeaseObservation & { readonly kind: "watched" };

function watched(beat: number, fields: Partial<Watched> = {}): LeaseObservation {
  return { kind: "watched", mark: { version: 7, beat }, hasLeader: true, isRewound: false, ...fields };
}

const unanswered: LeaseObservation = { kind: "unanswered" };
const beaten: LeaseObservation = { kind: "beaten" };

/** What follows from each look; each begins an interval after the one before, or that many milliseconds. */
function stepsOf(looks: readonly (LeaseObservation | readonly [LeaseObservation, afterMs: number])[]): LeaseStep[] {
  let state: LeaseState = newLease;
  let nowMs = 5_000;
  return looks.map((look) => {
    const [observed, afterMs] = "kind" in look ? [look, leaderBeatMs] : look;
    nowMs += afterMs;
    const after = leaseAfter(state, observed, nowMs);
    state = after.state;
    return after.step;
  });
}

describe("a gateway that watches the leader", () => {
  it("takes the lead when four intervals have passed without a beat, not earlier", () => {
    const looks = Array.from({ length: 5 }, () => watched(1));
    expect(stepsOf(looks)).toEqual(["wait", "wait", "wait", "wait", "take"]);
  });

  it("takes the lead at once when there is no leader", () => {
    expect(stepsOf([watched(1, { hasLeader: false })])).toEqual(["take"]);
  });

  it.each<[string, LeaseObservation]>([
    ["a beat", watched(2)],
    ["a change of the map", watched(1, { mark: { version: 8, beat: 1 } })],
    ["a store that lost its document", watched(1, { mark: null })],
    ["a look that was not answered", unanswered],
  ])("counts anew after %s", (_, news) => {
    const silent = [watched(1), watched(1), watched(1), watched(1)];
    const after = news.kind === "unanswered" ? watched(1) : news;
    expect(stepsOf([...silent, news, after, after, after]).slice(-4)).toEqual(["wait", "wait", "wait", "wait"]);
    expect(stepsOf([...silent, news, after, after, after, after, after]).at(-1)).toBe("take");
  });

  it("takes the lead of an empty store after the same silence", () => {
    const empty = watched(0, { mark: null });
    expect(stepsOf([empty, empty, empty, empty, empty])).toEqual(["wait", "wait", "wait", "wait", "take"]);
  });

  it("does not count as silence that it was suspended itself", () => {
    expect(stepsOf([watched(1), [watched(1), 3_600_000], [watched(1), 3_600_000]])).toEqual(["wait", "wait", "wait"]);
  });

  it("does not count looks in quick succession for more than the time that they took", () => {
    const quick = Array.from({ length: 30 }, () => [watched(1), leaderBeatMs / 10] as const);
    expect(stepsOf([watched(1), ...quick])).not.toContain("take");
  });

  it("never takes the lead from a leader that beats in time, though its own clock runs twice as fast", () => {
    const laterMs = fc.integer({ min: leaderBeatMs, max: Math.floor(leaderBeatMs * 1.4) });
    fc.assert(
      fc.property(fc.array(laterMs, { minLength: 20, maxLength: 60 }), fc.nat(leaderBeatMs), (pauses, firstMs) => {
        // In the watcher's time: the leader's intervals are twice as long, and as uneven as its timers and calls make them.
        const beats = pauses.map((pauseMs) => 2 * pauseMs);
        let nextBeatMs = 0;
        let beat = 0;
        const steps = new Set<LeaseStep>();
        let state: LeaseState = newLease;
        for (let nowMs = firstMs; beat < beats.length; nowMs += leaderBeatMs) {
          while (nowMs >= nextBeatMs && beat < beats.length) nextBeatMs += beats[beat++] ?? 0;
          const after = leaseAfter(state, watched(beat), nowMs);
          state = after.state;
          steps.add(after.step);
        }
        expect([...steps]).toEqual(["wait"]);
      }),
    );
  });

  it("repairs a rewound store when the leader has not done so for four intervals, though it beats", () => {
    const looks = Array.from({ length: 5 }, (_, beat) => watched(beat, { isRewound: true }));
    expect(stepsOf(looks)).toEqual(["wait", "wait", "wait", "wait", "repair"]);
    expect(stepsOf([...looks.slice(0, 4), watched(9), ...looks.slice(0, 4)])).not.toContain("repair");
  });
});

describe("a gateway that leads", () => {
  it("goes on as long as it raises its beat", () => {
    expect(new Set(stepsOf(Array.from({ length: 100 }, () => beaten)))).toEqual(new Set(["wait"]));
  });

  it("gives the lead up when the store has not answered for ten intervals, not counting that it was suspended", () => {
    const outage = Array.from({ length: 11 }, () => unanswered);
    expect(stepsOf([beaten, ...outage]).slice(-2)).toEqual(["wait", "giveUp"]);
    expect(stepsOf([beaten, unanswered, [unanswered, 3_600_000]])).toEqual(["wait", "wait", "wait"]);
    expect(stepsOf([beaten, ...outage.slice(1), beaten, unanswered])).not.toContain("giveUp");
  });

  it("begins to watch anew once it has lost the lead", () => {
    expect(stepsOf([beaten, beaten, beaten, watched(1), watched(1)])).not.toContain("take");
  });
});
