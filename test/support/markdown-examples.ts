/**
 * Reads the examples of a Markdown file: every fenced block of sh or graphql, with the block of json, text or http behind
 * it as the answer it promises. In a promise, `…` stands for whatever comes: inside a string for any text, as the member
 * `"…": "…"` for further members.
 */

export interface Example {
  readonly heading: string;
  readonly language: "sh" | "graphql";
  readonly code: string;
  /** Null when the text promises no answer. */
  readonly promised: string | null;
}

/** The examples in their order. */
export function examplesOf(markdown: string): readonly Example[] {
  const examples: { heading: string; language: "sh" | "graphql"; code: string; promised: string | null }[] = [];
  let heading = "";
  let isAnswerNext = false;
  for (const match of markdown.matchAll(/^#+ (?<heading>.*)$|^```(?<language>\w*)\n(?<code>[^]*?)^```$/gm)) {
    const { heading: title, language, code = "" } = match.groups ?? {};
    if (title !== undefined) heading = title;
    else if (language === "sh" || language === "graphql") {
      examples.push({ heading, language, code, promised: null });
      isAnswerNext = true;
    } else if (isAnswerNext && (language === "json" || language === "text")) {
      const last = examples.at(-1);
      if (last !== undefined) last.promised = code;
      isAnswerNext = false;
    }
  }
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
