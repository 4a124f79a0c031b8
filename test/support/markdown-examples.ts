/**
 * Reads the fenced blocks of a Markdown page: what a reader may run or copy, each with the block of json or text behind it
 * as the answer it promises. In a promise, `…` stands for whatever comes: inside a string for any text, as the member
 * `"…": "…"` for further members. A block that is neither is refused, so that each page's test meets every block; only a
 * picture, which has no language and is indented on every line, is left out.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { repository } from "./processes.js";

const languages = ["sh", "sql", "graphql", "ts", "yaml", "promql", "nginx", "ini"] as const;

export interface Example {
  readonly heading: string;
  readonly language: (typeof languages)[number];
  readonly code: string;
  /** Null when the text promises no answer. */
  readonly promised: string | null;
}

/** The examples of a page of the repository, in their order. */
export function examplesIn(page: string): readonly Example[] {
  return examplesOf(readFileSync(path.join(repository, page), "utf8"));
}

/** The examples in their order. */
export function examplesOf(markdown: string): readonly Example[] {
  const examples: Example[] = [];
  let heading = "";
  let blocks = 0;
  for (const { groups = {} } of markdown.matchAll(/^#+ (?<title>.*)$|^```(?<language>.*)\n(?<code>[^]*?)^```$/gm)) {
    const { title, language, code = "" } = groups;
    if (title !== undefined) {
      heading = title;
      continue;
    }
    blocks++;
    const last = examples.at(-1);
    const known = languages.find((one) => one === language);
    if (known !== undefined) examples.push({ heading, language: known, code, promised: null });
    else if (/^(json|text)$/.test(language ?? "") && last?.heading === heading && last.promised === null) {
      examples[examples.length - 1] = { ...last, promised: code };
    } else if (language !== "" || /^\S/m.test(code)) {
      throw new Error(`Under "${heading}" is a block of "${language}" that no test can run: ${code}`);
    }
  }
  const fences = markdown.match(/^[ >]*(```|~~~)/gm)?.length ?? 0;
  if (fences !== 2 * blocks) throw new Error(`${fences} fences make ${blocks} blocks: indented, or of another form.`);
  return examples;
}

/** What `actual` would have to be for the promise to hold; equal to `actual` exactly when it holds. */
export function fulfil(promised: unknown, actual: unknown): unknown {
  if (typeof promised === "string" && promised.includes("…")) {
    const pattern = promised.split("…").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    return typeof actual === "string" && new RegExp(`^${pattern.join("[^]*")}$`).test(actual) ? actual : promised;
  }
  if (Array.isArray(promised)) {
    return promised.map((item, index) => fulfil(item, Array.isArray(actual) ? actual[index] : undefined));
  }
  if (typeof promised !== "object" || promised === null) return promised;
  const { "…": rest, ...members } = promised as Record<string, unknown>;
  const isObject = typeof actual === "object" && actual !== null && !Array.isArray(actual);
  const given = isObject ? (actual as Record<string, unknown>) : {};
  const kept = Object.entries(members).map(([name, value]) => [name, fulfil(value, given[name])]);
  return { ...(rest === undefined ? {} : given), ...Object.fromEntries(kept) };
}
