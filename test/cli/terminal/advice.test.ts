import { describe, expect, it } from "vitest";
import { commandAdvice, tokenAdvice } from "../../../src/cli/terminal/advice.js";
import { allCommands, commandTree } from "../../../src/cli/completion/command-tree.js";
import { createProgram } from "../../../src/cli/program.js";
import { errorRules, type ErrorCode } from "../../../src/core/error.js";
import { testEnvironment } from "../test-environment.js";

const codes = Object.keys(errorRules) as ErrorCode[];
/** Codes between a gateway and its storage nodes, or for web pages, with which no command is refused. */
const foreign: readonly ErrorCode[] = ["ORIGIN_NOT_ALLOWED", "INTROSPECTION_DISABLED"];
const commands = allCommands(commandTree(await createProgram(testEnvironment())));
const texts = codes.flatMap((code) => [commandAdvice(code), commandAdvice(code, true)]);

describe("the advice of the command line", () => {
  it.each(codes.filter((code) => !foreign.includes(code)))("for %s mentions nothing of HTTP and GraphQL", (code) => {
    for (const text of [commandAdvice(code), commandAdvice(code, true)]) {
      expect(text).toMatch(/^[A-Z`].*[.?]$/);
      expect(text).not.toMatch(
        /\b(GET|POST|PUT|DELETE) |`\/|header|Authorization|Bearer|Retry-After|Accept|Allow`|content-type|Id`|GraphQL|document|fields?\b|variable|argument|alias|directive|fragment|introspection/,
      );
    }
  });

  it("names only options and commands that exist", () => {
    const options = new Set(commands.flatMap(({ options }) => options.map(({ long }) => long)));
    const paths = new Set(commands.map(({ path }) => path.join(" ")));
    const all = [...texts, tokenAdvice(null), tokenAdvice("SHARDGATE_TOKEN")].join("\n");
    const named = [...all.matchAll(/--[a-z][a-z-]*/g)].map(([option]) => option);
    expect(named.filter((option) => option !== "--version" && !options.has(option))).toEqual([]);
    const called = [...all.matchAll(/`shardgate ([a-z][a-z-]*(?: [a-z][a-z-]*)?)/g)].map(([, words = ""]) => words);
    expect(called.length).toBeGreaterThan(5);
    expect(called.filter((words) => !paths.has(words))).toEqual([]);
  });

  it("says only for writes that nothing was written", () => {
    expect(commandAdvice("SHARD_UNAVAILABLE")).not.toContain("written");
    expect(commandAdvice("SHARD_UNAVAILABLE", true)).toMatch(/^Nothing was written\. Try again/);
  });
});
