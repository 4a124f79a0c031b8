/**
 * A page with regions that the code fills: text by hand, and between two comments what is generated. `npm run docs` writes the
 * regions; a test fails when a page is not what the code says.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { repository } from "../../support/processes.js";

/** Markdown by the name of its region. */
export type Regions = Readonly<Record<string, string>>;

/** The page (a path in the repository) with its regions filled anew. Throws when the page lacks a region, or has one that nothing fills. */
export function filledPage(name: string, regions: Regions): string {
  const text = readFileSync(path.join(repository, name), "utf8");
  const named = [...text.matchAll(/^<!-- from the code: (\S+) -->$/gm)].map(([, region = ""]) => region);
  if (named.toSorted().join() !== Object.keys(regions).toSorted().join()) {
    throw new Error(`${name} has the regions ${named.join(", ")}, not ${Object.keys(regions).join(", ")}.`);
  }
  return text.replace(
    /^(<!-- from the code: (\S+) -->\n)[^]*?^(<!-- end -->)$/gm,
    (_, open: string, region: string, close: string) => `${open}\n${regions[region]?.trim() ?? ""}\n\n${close}`,
  );
}

/** A table; the bars and line ends in its cells are made harmless. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`.replaceAll("|  |", "| |");
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n");
}

/** The text as a sentence: with a capital and a full stop. */
export function sentence(text: string): string {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}

/** Text that GitHub shows as it is: placeholders such as `<name>` would be taken for HTML. */
export function plain(text: string): string {
  return text.replaceAll("<", "&lt;");
}

function cell(text: string): string {
  return text
    .replaceAll(/\s*\n\s*/g, " ")
    .replaceAll("|", "\\|")
    .trim();
}
