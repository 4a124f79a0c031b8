import { describe, expect, it } from "vitest";
import { styleFor } from "../../../src/cli/terminal/style.js";
import { factsText, Table } from "../../../src/cli/terminal/table.js";
import { testEnvironment } from "../test-environment.js";

const columns = [{ title: "key" }, { title: "n", isRight: true }, { title: "value" }];

function lines(text: string): readonly string[] {
  return text.split("\n").slice(0, -1);
}

describe("Table", () => {
  it("aligns words left and numbers right, without trailing spaces", () => {
    const text = new Table(columns).text([
      ["a", 1, "x"],
      ["longer", 100, null],
    ]);
    expect(lines(text)).toEqual(["key       n  value", "a         1  x", "longer  100  -"]);
  });

  it("writes titles once, and never narrows a column", () => {
    const table = new Table(columns);
    table.text([["longer", 100, ""]]);
    expect(table.text([["a", 1, "x"]])).toBe("a         1  x\n");
    expect(table.text([["even longer", 1, "x"]])).toBe("even longer    1  x\n");
  });

  it.each([
    ["日本", 4],
    ["👩‍👩‍👧", 2],
    ["ﬁé", 2],
    ["𠀀", 2],
  ])("counts %s as %i cells", (cell, width) => {
    expect(lines(new Table([{ title: "" }, { title: "b" }]).text([[cell, "b"]]))[0]).toBe(`${" ".repeat(width + 2)}b`);
  });

  it("prints no control characters of a cell to the terminal", () => {
    const value = '"\u009b31m\u202e\u2028"\n';
    expect(new Table([{ title: "v" }]).text([[value]])).toBe('v\n"\\u009b31m\\u202e\\u2028"\\u000a\n');
    expect(JSON.parse('"\\u009b31m\\u202e\\u2028"')).toBe(JSON.parse(value));
  });

  it("accepts rows with too few cells", () => {
    expect(new Table(columns).text([["a"]])).toBe("key  n  value\na       \n");
  });
});

describe("factsText", () => {
  it("aligns the facts of all names", () => {
    expect(
      factsText([
        ["a", "1"],
        ["longer", "2"],
      ]),
    ).toBe("a       1\nlonger  2\n");
  });
});

describe("styleFor", () => {
  it.each([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: "1" }, false],
    [true, { NO_COLOR: "" }, true],
    [true, { TERM: "dumb" }, false],
    [false, { FORCE_COLOR: "1" }, true],
    [true, { FORCE_COLOR: "0" }, false],
    [true, { FORCE_COLOR: "false" }, false],
    [false, { FORCE_COLOR: "" }, false],
    [true, { NO_COLOR: "1", FORCE_COLOR: "1" }, false],
  ])("colours on a terminal (%s) with %j: %s", (isTTY, variables: Record<string, string>, isColoured) => {
    const environment = testEnvironment({ variable: (name) => variables[name] });
    const style = styleFor(Object.assign(environment.stdout, { isTTY }), environment);
    expect(style.state("UP") !== "UP").toBe(isColoured);
    expect(style.title("key") !== "key").toBe(isColoured);
  });

  it("colours states by their meaning, and does not count colour as width", () => {
    const environment = testEnvironment({ variable: (name) => (name === "FORCE_COLOR" ? "1" : undefined) });
    const table = new Table([{ title: "s", isState: true }, { title: "x" }], styleFor(environment.stdout, environment));
    expect(
      lines(
        table.text([
          ["UP", 1],
          ["SUSPECT", 2],
          ["DOWN", 3],
          ["NEW", 4],
        ]),
      ).slice(1),
    ).toEqual([
      "\u001B[32mUP\u001B[0m       1",
      "\u001B[33mSUSPECT\u001B[0m  2",
      "\u001B[31mDOWN\u001B[0m     3",
      "NEW      4",
    ]);
  });
});
