import { InvalidArgumentError } from "commander";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { logLevels, parseLogLevels } from "../../../../src/cli/serve/telemetry/log-level.js";
import { logParts, type LogPart } from "../../../../src/core/log.js";

describe("parseLogLevels", () => {
  it.each([
    ["debug", "debug", []],
    ["warn,routing=debug", "warn", [["routing", "debug"]]],
    [
      " routing=debug , error,storage=silent",
      "error",
      [
        ["routing", "debug"],
        ["storage", "silent"],
      ],
    ],
    ["cluster=debug", "info", [["cluster", "debug"]]],
  ] as const)("reads %j", (text, level, parts) => {
    const levels = parseLogLevels(text);
    expect([levels.text, levels.level, [...levels.parts]]).toEqual([text, level, parts]);
  });

  it.each(
    [
      "",
      "loud",
      "info,",
      "info,warn",
      "routing",
      "routing=",
      "routing=loud",
      "tls=debug",
      "toString=debug",
      "a=b=c",
    ].concat("routing=debug,routing=info"),
  )("refuses %j, and says which levels and parts there are", (text) => {
    expect(() => parseLogLevels(text)).toThrow(InvalidArgumentError);
    expect(() => parseLogLevels(text)).toThrow(/debug, info, warn, error, silent.*requests, access, cluster, routing/);
  });

  it("reads whatever levels are given to whichever parts, in any order", () => {
    const level = fc.constantFrom(...logLevels);
    const part = fc.constantFrom(...(Object.keys(logParts) as LogPart[]));
    const parts = fc.uniqueArray(fc.tuple(part, level), { selector: ([name]) => name });
    fc.assert(
      fc.property(level, parts, fc.nat(), (general, list, at) => {
        const items = list.map(([name, level]) => `${name}=${level}`);
        items.splice(at % (items.length + 1), 0, general);
        const levels = parseLogLevels(items.join(","));
        expect(levels.level).toBe(general);
        expect(new Map(levels.parts)).toEqual(new Map(list));
      }),
    );
  });
});
