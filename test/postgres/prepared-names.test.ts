import { expect, it } from "vitest";
import { PreparedNames } from "../../src/postgres/prepared-names.js";

it("names a text from its second use on, and anew after it was forgotten", () => {
  const names = new PreparedNames();
  const uses = () => [names.nameOf("SELECT 1"), names.nameOf("SELECT 1"), names.nameOf("SELECT 1")];
  expect(uses()).toEqual([undefined, "s1", "s1"]);
  names.forget("SELECT 1");
  expect(uses()).toEqual([undefined, "s2", "s2"]);
});

it("names no more texts than a session should keep", () => {
  const names = new PreparedNames();
  const texts = Array.from({ length: 1_000 }, (_, index) => `SELECT ${index}`);
  for (const text of texts) names.nameOf(text);
  const named = texts.map((text) => names.nameOf(text)).filter((name) => name !== undefined);
  expect(named).toHaveLength(200);
});
