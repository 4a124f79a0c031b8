/** The table of faults against the tests it names. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const rows = readFileSync(path.join(root, "test/FAULTS.md"), "utf8")
  .split("\n")
  .filter((line) => /^\| (?!fault \|)/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map((cells): readonly [fault: string, shownBy: string] => [cells[1] ?? "", cells.at(-2) ?? ""]);

it("has rows", () => expect(rows.length).toBeGreaterThan(50));

it.each(rows)("names a test that is there: %s", (_, shownBy) => {
  const [, file = "", title = ""] = /^`(test\/[\w/.-]+\.test\.ts)`: (.+)$/.exec(shownBy) ?? [];
  expect(file).not.toBe("");
  expect(readFileSync(path.join(root, file), "utf8")).toContain(title);
});
