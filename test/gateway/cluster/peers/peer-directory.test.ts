import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gatewaysMax, PeerDirectory } from "../../../../src/gateway/cluster/peers/peer-directory.js";
import type { NodeVerdict } from "../../../../src/wire/gateway-peers.js";

const liveMs = 3_000;
const downAfterMs = 10_000;
const opened = () => new PeerDirectory({ liveMs, downAfterMs: () => downAfterMs });
const beat = (...seen: readonly NodeVerdict[]) => ({ url: null, mapVersion: 1, leaderId: "l1", seen, refused: [] });

describe("PeerDirectory", () => {
  it("lets a gateway that is alone decide alone", () => {
    const directory = opened();
    expect(directory.mayCallDown("node1", 0)).toBe(true);
    directory.doubt(["node1"], 0);
    expect(directory.mayCallDown("node1", 0)).toBe(true);
  });

  it("waits until each living gateway has looked for the storage node since it is doubted", () => {
    const directory = opened();
    directory.beat("g2", beat(), 0);
    directory.beat("g3", beat(), 0);
    directory.doubt(["node1", "node2"], 0);
    expect(directory.doubted).toEqual(["node1", "node2"]);
    // A beat that was sent before its gateway knew of the doubt says nothing.
    directory.beat("g2", beat(), 500);
    directory.beat("g2", beat(["node1", null]), 1_000);
    expect(directory.mayCallDown("node1", 1_000)).toBe(false);
    directory.beat("g3", beat(["node1", null]), 1_100);
    expect([directory.mayCallDown("node1", 1_100), directory.mayCallDown("node2", 1_100)]).toEqual([true, false]);
  });

  it("asks a gateway that comes later, too", () => {
    const directory = opened();
    directory.doubt(["node1"], 0);
    directory.beat("g2", beat(), 0);
    expect(directory.mayCallDown("node1", 0)).toBe(false);
    directory.beat("g2", beat(["node1", null]), 1_000);
    expect(directory.mayCallDown("node1", 1_000)).toBe(true);
  });

  it("does not wait for one that comes when the storage node may be down already, however often it comes", () => {
    const directory = opened();
    directory.doubt(["node1"], 0);
    for (let nowMs = 0; nowMs < 30_000; nowMs += 1_000) {
      directory.doubt(["node1"], nowMs);
      // A gateway that ends after its first beat knows of no doubt.
      directory.beat("g2", beat(), nowMs);
      expect(directory.mayCallDown("node1", nowMs)).toBe(nowMs >= downAfterMs);
    }
    directory.beat("g3", beat(["node1", 500]), 30_000);
    expect(directory.mayCallDown("node1", 30_000)).toBe(false);
  });

  it("counts a gateway's sighting as a veto until the storage node would be DOWN by it", () => {
    const directory = opened();
    directory.doubt(["node1"], 0);
    directory.beat("g2", beat(["node1", 1_000]), 2_000);
    // What is said later takes nothing back.
    for (let nowMs = 2_500; nowMs < 11_000; nowMs += 500) {
      directory.beat("g2", beat(["node1", null]), nowMs);
      expect(directory.mayCallDown("node1", nowMs)).toBe(false);
    }
    directory.beat("g2", beat(["node1", null]), 11_000);
    expect(directory.mayCallDown("node1", 11_000)).toBe(true);
    directory.beat("g2", beat(["node1", 0]), 11_500);
    directory.beat("g2", beat(["node1", 9_000]), 11_600);
    expect(directory.mayCallDown("node1", 12_000)).toBe(false);
  });

  it("does not wait for a gateway that fell silent itself, whatever it said", () => {
    const directory = opened();
    directory.beat("g2", beat(), 0);
    directory.doubt(["node1"], 0);
    directory.beat("g2", beat(["node1", 0]), 100);
    expect(directory.mayCallDown("node1", 100 + liveMs - 1)).toBe(false);
    expect(directory.mayCallDown("node1", 100 + liveMs)).toBe(true);
  });

  it("waits for each of two gateways that were given one name, and lists both", () => {
    const directory = opened();
    directory.doubt(["node1"], 0);
    const urls = ["http://g2", "http://g3"];
    for (const url of urls) directory.beat("g2", { ...beat(), url }, 0);
    directory.beat("g2", { ...beat(["node1", null]), url: "http://g2" }, 100);
    expect(directory.mayCallDown("node1", 100)).toBe(false);
    directory.beat("g2", { ...beat(["node1", 50]), url: "http://g3" }, 200);
    directory.beat("g2", { ...beat(["node1", null]), url: "http://g2" }, 300);
    expect(directory.mayCallDown("node1", 300)).toBe(false);
    expect(directory.rows(300).map(({ url }) => url)).toEqual(urls);
  });

  it("forgets what was said of a storage node that is no longer doubted", () => {
    const directory = opened();
    directory.doubt(["node1"], 0);
    directory.beat("g2", beat(["node1", null]), 0);
    directory.doubt(["node1"], 0);
    expect(directory.mayCallDown("node1", 0)).toBe(true);
    directory.doubt([], 0);
    directory.beat("g2", beat(["node1", null]), 100);
    directory.doubt(["node1"], 0);
    expect(directory.mayCallDown("node1", 200)).toBe(false);
  });

  it("lists gateways by name, and those silent for a minute no more", () => {
    const directory = opened();
    directory.beat("g3", { ...beat(), url: "http://g3", mapVersion: 7 }, 0);
    directory.beat("g2", beat(), 400.4);
    expect(directory.rows(1_000)).toEqual([
      { name: "g2", url: null, isLeader: false, mapVersion: 1, silentMs: 600 },
      { name: "g3", url: "http://g3", isLeader: false, mapVersion: 7, silentMs: 1_000 },
    ]);
    expect(directory.rows(60_000)).toMatchObject([{ name: "g2" }]);
  });

  it("takes a bounded number of gateways, and another one once an old one is forgotten", () => {
    const directory = opened();
    for (let index = 0; index < gatewaysMax; index++) directory.beat(`g${index}`, beat(), index);
    expect(() => directory.beat("more", beat(), 1_000)).toThrow(
      expect.objectContaining({ code: "OVERLOADED", message: expect.stringContaining("gateway more") }),
    );
    directory.beat("g0", beat(), 1_000);
    directory.beat("more", beat(), 60_001);
    expect(directory.rows(60_001)).toHaveLength(gatewaysMax);
  });
});

/** What happens at a leader, in time: beats with verdicts, doubts and pauses. */
const events = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant("beat" as const),
      gateway: fc.constantFrom("g2", "g3"),
      verdict: fc.constantFrom<readonly (number | null)[]>([], [null], [0], [2_000], [9_500], [20_000]),
    }),
    fc.record({ kind: fc.constant("doubt" as const), isDoubted: fc.boolean() }),
    fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 4_000 }) }),
  ),
  { maxLength: 40 },
);

describe("for any order of beats and doubts", () => {
  it("a storage node may be called DOWN when, and only when, each live gateway has looked or had its time, and none has seen it lately", () => {
    fc.assert(
      fc.property(events, (list) => {
        const directory = opened();
        let nowMs = 0;
        let isDoubted = false;
        let sinceMs = 0;
        const lastBeat = new Map<string, number>();
        /** Since the doubt, all that was said: when, and of which moment. */
        let said: { readonly gateway: string; readonly seenMs: number | null }[] = [];
        for (const event of list) {
          if (event.kind === "wait") nowMs += event.ms;
          else if (event.kind === "doubt") {
            if (!isDoubted || !event.isDoubted) [said, sinceMs] = [[], nowMs];
            isDoubted = event.isDoubted;
            directory.doubt(isDoubted ? ["node1"] : [], nowMs);
          } else {
            const { gateway, verdict } = event;
            directory.beat(gateway, beat(...verdict.map((silentMs) => ["node1", silentMs] as const)), nowMs);
            lastBeat.set(gateway, nowMs);
            const seen = verdict.map((silentMs) => (silentMs === null ? null : nowMs - silentMs));
            if (isDoubted) said.push(...seen.map((seenMs) => ({ gateway, seenMs })));
          }
          const living = [...lastBeat].filter(([, atMs]) => nowMs - atMs < liveMs).map(([gateway]) => gateway);
          const isAgreed = living.every((name) => {
            const verdicts = said.filter(({ gateway }) => gateway === name);
            const isSeen = verdicts.some(({ seenMs }) => seenMs !== null && nowMs - seenMs < downAfterMs);
            const isLate = isDoubted && nowMs - sinceMs >= downAfterMs;
            return (verdicts.length > 0 || isLate) && !isSeen;
          });
          expect(directory.mayCallDown("node1", nowMs)).toBe(isAgreed);
        }
      }),
    );
  });
});
