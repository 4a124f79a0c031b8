/** What a new reader meets first: a short README with a picture that loads, and pages that do not tire. */
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { documentPages } from "../support/document-pages.js";
import { repository } from "../support/processes.js";

const read = (page: string): string => readFileSync(path.join(repository, page), "utf8");

/** The files that the page shows as pictures, as paths in the repository. */
function picturesOf(page: string): readonly string[] {
  return [...read(page).matchAll(/!\[[^\]]*\]\(([^)]+)\)/g)].map(([, file = ""]) =>
    path.join(path.dirname(page), file),
  );
}

describe("README.md", () => {
  it("has at most 8 KB", () => {
    expect(statSync(path.join(repository, "README.md")).size).toBeLessThanOrEqual(8192);
  });

  it("shows the console", () => {
    expect(picturesOf("README.md")).toEqual(["docs/images/console.png"]);
  });
});

describe("the pages of the documentation", () => {
  it.each(documentPages.filter((page) => picturesOf(page).length > 0))(
    "contain in %s pictures of at most 150 KB",
    (page) => {
      for (const file of picturesOf(page)) {
        const bytes = readFileSync(path.join(repository, file));
        expect(bytes.length, file).toBeLessThanOrEqual(150_000);
        expect(bytes.subarray(0, 4).toString("latin1"), file).toMatch(/^(\u0089PNG|<svg)$/);
      }
    },
  );

  it("can be read in three minutes, at least half of them", () => {
    const words = documentPages.map((page) => read(page).split(/\s+/).length).toSorted((a, b) => a - b);
    // At 250 words a minute.
    expect(words[Math.floor(words.length / 2)]).toBeLessThan(750);
  });

  it("are all in the tables of contents", () => {
    const contents = read("docs/README.md");
    const own = documentPages.filter((page) => /^docs\/(tutorial|how-to|reference|explanation)\//.test(page));
    expect(own.filter((page) => !contents.includes(`](${page.replace("docs/", "")})`))).toEqual([]);
    const decisions = read("docs/decisions/README.md");
    const decided = documentPages.filter((page) => /^docs\/decisions\/(?!README)/.test(page));
    expect(decided.filter((page) => !decisions.includes(`](${path.basename(page)})`))).toEqual([]);
  });
});
