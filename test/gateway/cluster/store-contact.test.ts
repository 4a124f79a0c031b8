import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  contactAfter,
  isCutOff,
  isInContact,
  neverLost,
  storeDoubtMs,
} from "../../../src/gateway/cluster/store-contact.js";

describe("the way of a storage node to its store", () => {
  it("is lost from the first heartbeat on that says so, and cut off once it was lost for long enough", () => {
    const first = contactAfter(neverLost, true, 1_000);
    const contact = contactAfter(first, true, 2_000);
    expect(isInContact(contact, 2_000)).toBe(false);
    expect(isCutOff(contact, 1_000 + storeDoubtMs - 1)).toBe(false);
    expect(isCutOff(contact, 1_000 + storeDoubtMs)).toBe(true);
  });

  it("is trusted again once it was not lost for long enough", () => {
    const found = contactAfter(contactAfter(neverLost, true, 0), false, 1_000);
    expect(contactAfter(found, false, 2_000)).toBe(found);
    expect(isCutOff(found, 99_000)).toBe(false);
    expect(isInContact(found, 1_000 + storeDoubtMs - 1)).toBe(false);
    expect(isInContact(found, 1_000 + storeDoubtMs)).toBe(true);
  });

  it("lets neither of two take from the other that notice an outage, and its end, at times less than the doubt apart", () => {
    const apart = fc.integer({ min: 1 - storeDoubtMs, max: storeDoubtMs - 1 });
    const lengths = fc.integer({ min: 2 * storeDoubtMs, max: 60_000 });
    fc.assert(
      fc.property(apart, apart, lengths, fc.nat(90_000), (beginsApart, endsApart, lengthMs, nowMs) => {
        const one = contactAt(nowMs, { lostMs: 10_000, foundMs: 10_000 + lengthMs });
        const other = contactAt(nowMs, { lostMs: 10_000 + beginsApart, foundMs: 10_000 + lengthMs + endsApart });
        expect(isCutOff(one, nowMs) && isInContact(other, nowMs)).toBe(false);
        expect(isCutOff(other, nowMs) && isInContact(one, nowMs)).toBe(false);
      }),
    );
  });
});

/** After heartbeats from the first moment on, of which those within the outage say that the store is lost. */
function contactAt(nowMs: number, { lostMs, foundMs }: { readonly lostMs: number; readonly foundMs: number }) {
  return [0, lostMs, foundMs]
    .filter((ms) => ms <= nowMs)
    .reduce((contact, ms) => contactAfter(contact, ms >= lostMs && ms < foundMs, ms), neverLost);
}
