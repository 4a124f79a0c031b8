import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FairShare } from "../../../src/gateway/edge/fair-share.js";

/** What each client holds after all of them have asked in turn until no client gets more. */
function held(share: FairShare, clients: readonly string[]): Record<string, number> {
  const counts = Object.fromEntries(clients.map((client) => [client, 0]));
  for (let before = -1; before !== share.used;) {
    before = share.used;
    for (const client of clients) if (share.take(client, 1) === null) counts[client] = (counts[client] ?? 0) + 1;
  }
  return counts;
}

describe("a fair share", () => {
  it("is half for a single client, a third each for two, and always leaves room for the next", () => {
    expect(held(new FairShare(12), ["a"])).toEqual({ a: 6 });
    expect(held(new FairShare(12), ["a", "b"])).toEqual({ a: 4, b: 4 });
    const share = new FairShare(12);
    expect(held(share, ["a", "b", "c"])).toEqual({ a: 3, b: 3, c: 3 });
    expect(share.shortage("a", 1)).toBe("own");
    expect(share.take("d", 1)).toBeNull();
  });

  it("serves one client at a time when there is room for one", () => {
    const share = new FairShare(1);
    expect(share.take("a", 1)).toBeNull();
    expect(share.take("b", 1)).toBe("all");
    share.giveBack("a", 1);
    expect(share.take("b", 1)).toBeNull();
  });

  it("is restored for others because a client above its share gets nothing more", () => {
    const share = new FairShare(12);
    held(share, ["greedy"]);
    expect(held(share, ["modest"])).toEqual({ modest: 3 });
    share.giveBack("greedy", 1);
    expect(share.take("greedy", 1)).toBe("own");
    expect(share.take("modest", 1)).toBeNull();
  });

  it("may be bounded for each client", () => {
    const share = new FairShare(12, 2);
    expect(held(share, ["a", "b"])).toEqual({ a: 2, b: 2 });
    expect(share.shortage("a", 1)).toBe("own");
  });

  it("counts amounts that exceed the share", () => {
    const share = new FairShare(10);
    share.add("a", 11);
    expect([share.shortage("a", 0), share.shortage("b", 1)]).toEqual(["all", "all"]);
    share.giveBack("a", 11);
    expect(share.used).toBe(0);
  });

  it("leaves others their room when one client holds more than its half all at once", () => {
    const share = new FairShare(12, 12, 6);
    share.add("greedy", 30);
    expect(share.shortage("greedy", 0)).toBe("own");
    expect(held(share, ["modest"])).toEqual({ modest: 3 });
    share.giveBack("greedy", 30);
    share.giveBack("modest", 3);
    expect(share.used).toBe(0);
    expect(held(share, ["a"])).toEqual({ a: 6 });
  });

  it("never gives out more than there is, and has everything back in the end, whatever is requested", () => {
    const request = fc.tuple(fc.constantFrom("a", "b", "c"), fc.integer({ min: 0, max: 7 }));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(request), (max, requests) => {
        const share = new FairShare(max);
        const taken = requests.filter(([client, amount]) => share.take(client, amount) === null);
        expect(share.used).toBe(taken.reduce((sum, [, amount]) => sum + amount, 0));
        expect(share.used).toBeLessThanOrEqual(max);
        for (const [client, amount] of taken) share.giveBack(client, amount);
        expect(share.used).toBe(0);
        expect(share.take("d", max)).toBeNull();
      }),
    );
  });
});
