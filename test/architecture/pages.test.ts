/** No page has a fenced block that no test runs, and none that a test could not run. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { documentPages } from "../support/document-pages.js";
import { examplesIn, examplesOf } from "../support/markdown-examples.js";

const root = path.resolve(import.meta.dirname, "../..");

function filesIn(folder: string, pattern: RegExp): readonly string[] {
  const files = readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" });
  return files.map((file) => path.posix.join(folder, file)).filter((file) => pattern.test(file));
}

const pages = [
  ...readdirSync(root).filter((file) => file.endsWith(".md")),
  ...filesIn("docs", /\.md$/),
  ...filesIn("examples", /^(?!.*node_modules).*\.md$/),
  "src/README.md",
  "test/README.md",
  "test/FAULTS.md",
];
const tests = filesIn("test", /\.test\.ts$/).map((file) => readFileSync(path.join(root, file), "utf8"));

/** The headings of a page as links name them. */
function anchorsOf(file: string): readonly string[] {
  const headings = readFileSync(file, "utf8").matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

describe("every page", () => {
  it.each(pages)("%s has its blocks run by a test, if it has any", (page) => {
    // test/examples/pages.test.ts finds these by itself.
    const isOfExamples = /^examples\/([^/]+\/)?README\.md$/.test(page);
    const isRun =
      isOfExamples || documentPages.includes(page) || tests.some((text) => text.includes(`examplesIn("${page}")`));
    expect(examplesIn(page).length === 0 || isRun).toBe(true);
  });
});

describe("CONTRIBUTING.md", () => {
  it("sets up as CI does", () => {
    const commands = examplesIn("CONTRIBUTING.md").map(({ code }) => code.trim());
    expect(commands).toEqual(["npm ci && npm test"]);
    expect(readFileSync(path.join(root, ".ci/run"), "utf8").split("\n")).toContain(commands[0]);
  });

  it.each(["CONTRIBUTING.md", "docs/explanation/guarantees.md"])("and %s name test files that there are", (page) => {
    const text = readFileSync(path.join(root, page), "utf8");
    const named = [...text.matchAll(/\btest\/[\w/-]+\.test\.ts/g)].map(([file]) => file);
    expect(named.length).toBeGreaterThan(2);
    expect(named.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
  });
});

describe("every link of a page", () => {
  it.each(pages)("leads from %s to a file, and to a heading in it", (page) => {
    const text = readFileSync(path.join(root, page), "utf8");
    const broken = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].filter(([, name = "", heading]) => {
      const file = name === "" ? path.join(root, page) : path.join(root, path.dirname(page), name);
      return !existsSync(file) || (heading !== undefined && !anchorsOf(file).includes(heading));
    });
    expect(broken.map(([link]) => link)).toEqual([]);
  });
});

describe("a page's blocks", () => {
  it.each([
    ["a command without a language", "```\nnpx shardgate status\n```\n"],
    ["a language that no test runs", "```python\nprint(1)\n```\n"],
    ["an answer without a command", "# A\n\n```json\n{}\n```\n"],
    ["a second answer", "```sh\ntrue\n```\n```text\na\n```\n```text\nb\n```\n"],
    ["a block inside a list", "- so:\n\n  ```sh\n  true\n  ```\n"],
    ["a fence of tildes", "~~~sh\ntrue\n~~~\n"],
    ["a fence of four", "````sh\ntrue\n````\n"],
    ["a block without an end", "```sh\ntrue\n"],
  ])("are refused when there is %s", (_, markdown) => {
    expect(() => examplesOf(markdown)).toThrow(/no test can run|fences make/);
  });

  it("may be pictures or answers with text in between", () => {
    const markdown = "# A\n\n```\n  |\n  +--\n```\n\n```sh\necho 1\n```\n\nprints\n\n```text\n1\n```\n";
    expect(examplesOf(markdown)).toEqual([{ heading: "A", language: "sh", code: "echo 1\n", promised: "1\n" }]);
  });
});
