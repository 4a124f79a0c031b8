import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DatabaseContact } from "../../../src/storage/postgres/database-contact.js";

describe("DatabaseContact", () => {
  it("is lost when calls have been made for three seconds and none was answered, failed or not", () => {
    const hanging = new DatabaseContact();
    hanging.began(1_000);
    const failing = new DatabaseContact();
    for (const ms of [1_000, 2_000, 3_000]) {
      failing.began(ms);
      failing.failed();
    }
    for (const contact of [hanging, failing]) {
      expect([contact.isLost(3_999), contact.isLost(4_000)]).toEqual([false, true]);
    }
  });

  it("is there again with the first answer", () => {
    const contact = new DatabaseContact();
    contact.began(0);
    contact.failed();
    contact.began(9_000);
    expect(contact.isLost(9_000)).toBe(true);
    contact.answered(9_001);
    expect(contact.isLost(99_000)).toBe(false);
  });

  it("is not lost because one call is slow while others are answered, and is when they no longer are", () => {
    const contact = new DatabaseContact();
    contact.began(0);
    for (let ms = 0; ms <= 10_000; ms += 1_000) {
      contact.began(ms);
      contact.answered(ms + 1);
      expect(contact.isLost(ms + 999)).toBe(false);
    }
    expect([contact.isLost(13_000), contact.isLost(13_001)]).toEqual([false, true]);
  });

  it("is never lost within three seconds of an answer, and never while no call was made since", () => {
    const calls = fc.array(fc.record({ ms: fc.nat(2_000), ends: fc.constantFrom("answered", "failed", "hangs") }));
    fc.assert(
      fc.property(calls, fc.nat(10_000), (rows, laterMs) => {
        const contact = new DatabaseContact();
        let nowMs = 0;
        for (const { ms, ends } of rows) {
          nowMs += ms;
          contact.began(nowMs);
          if (ends === "failed") contact.failed();
          if (ends === "answered") {
            contact.answered(nowMs);
            expect(contact.isLost(nowMs + 2_999)).toBe(false);
          }
        }
        const isIdle = rows.every(({ ends }) => ends === "answered");
        if (isIdle) expect(contact.isLost(nowMs + laterMs)).toBe(false);
      }),
    );
  });
});
