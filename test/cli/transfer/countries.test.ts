import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { parseImportLine } from "../../../src/cli/transfer/import-line.js";

interface Country {
  readonly name: string;
  readonly borders: readonly string[];
}

/** The example's entries by key. */
const entries = new Map<string, unknown>();
let lineCount = 0;

beforeAll(async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["examples/countries/countries.mjs"]);
  for (const text of stdout.trimEnd().split("\n")) {
    const { key } = parseImportLine(text, ++lineCount, 0);
    entries.set(key, (JSON.parse(text) as { value: unknown }).value);
  }
});

const country = (code: string) => entries.get(`country/${code}`) as Country;

describe("the countries example", () => {
  it("prints as many entries as its README says, each key once", () => {
    expect(lineCount).toBe(747);
    expect(entries.size).toBe(747);
    expect([...entries.keys()].filter((key) => key.startsWith("country/"))).toHaveLength(250);
  });

  it("has the answers that its README gives", () => {
    expect(country("DEU").borders.map((code) => country(code).name)).toEqual([
      "Austria",
      "Belgium",
      "Czechia",
      "Denmark",
      "France",
      "Luxembourg",
      "Netherlands",
      "Poland",
      "Switzerland",
    ]);
    const western = [...entries].filter(([key]) => key.startsWith("region/Europe/Western Europe/")).toSorted();
    expect(western.map(([, name]) => name)).toEqual([
      "Belgium",
      "Switzerland",
      "Germany",
      "France",
      "Liechtenstein",
      "Luxembourg",
      "Monaco",
      "Netherlands",
    ]);
    expect(entries.get("capital/Kingston")).toEqual(["JAM", "NFK"]);
    expect([country("JAM").name, country("NFK").name]).toEqual(["Jamaica", "Norfolk Island"]);
  });

  it("has every neighbour that a country names", () => {
    const codes = [...entries.keys()].filter((key) => key.startsWith("country/")).map((key) => key.slice(8));
    expect(codes.flatMap((code) => country(code).borders).filter((code) => !entries.has(`country/${code}`))).toEqual(
      [],
    );
  });
});
