/** What a last read may show after promises, and after answers that were lost. */
import { expect, it } from "vitest";
import { Ledger, type Read } from "./ledger.js";

function complaintAfter(steps: (ledger: Ledger) => void, read: Read | null): string | null {
  const ledger = new Ledger();
  steps(ledger);
  return ledger.complaint("k", read);
}

const put = (ledger: Ledger): void => ledger.put("k", 1, 5);
const read = (value: number, version: number): Read => ({ value, version });

it("reports an acknowledged write that the store has lost", () => {
  expect(complaintAfter(put, read(1, 5))).toBe(null);
  expect(complaintAfter(put, null)).toMatch(/k is gone; 1 was acknowledged as version 5/);
  expect(complaintAfter(put, read(2, 5))).toMatch(/k has 2 as version 5; 1 was acknowledged/);
  expect(complaintAfter(put, read(1, 4))).not.toBe(null);
  expect(complaintAfter(put, read(2, 6))).not.toBe(null);
  expect(complaintAfter(() => {}, null)).toBe(null);
  expect(complaintAfter(() => {}, read(1, 1))).not.toBe(null);
});

it("reports an acknowledged deletion that the store has lost", () => {
  const deleted = (ledger: Ledger): void => (put(ledger), ledger.deleted("k"));
  expect(complaintAfter(deleted, null)).toBe(null);
  expect(complaintAfter(deleted, read(1, 5))).toMatch(/its deletion was acknowledged/);
});

it("accepts any outcome of a write that is unknown, but not that it changes back", () => {
  const lost = (ledger: Ledger): void => (put(ledger), ledger.unknown("k", 2));
  expect(complaintAfter(lost, read(1, 5))).toBe(null);
  expect(complaintAfter(lost, read(2, 6))).toBe(null);
  expect(complaintAfter(lost, read(2, 5))).not.toBe(null);
  expect(complaintAfter(lost, null)).not.toBe(null);
  const perhapsDeleted = (ledger: Ledger): void => (put(ledger), ledger.unknown("k", null));
  expect(complaintAfter(perhapsDeleted, null)).toBe(null);
  expect(complaintAfter(perhapsDeleted, read(1, 5))).toBe(null);
});

it("knows the keys that it records", () => {
  const ledger = new Ledger();
  ledger.put("a", 1, 1);
  ledger.unknown("b", 2);
  expect(ledger.keys).toEqual(["a", "b"]);
});
