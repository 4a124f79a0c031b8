/** docs/reference/client.md: the types of `shardgate/client` with their comments, read from its sources. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { repository } from "../../support/processes.js";
import { table, type Regions } from "./page.js";

export function clientRegions(): Regions {
  return {
    options: memberTable("options.ts", "ClientOptions"),
    methods: methods(),
    put: memberTable("client.ts", "PutOptions"),
    update: memberTable("writing/update.ts", "UpdateOptions"),
    scan: memberTable("entry-scan.ts", "ScanOptions"),
    entry: memberTable("client-entry.ts", "Entry"),
    outcomes: outcomes(),
  };
}

function source(file: string): string {
  return readFileSync(path.join(repository, "src/client", file), "utf8");
}

/** What stands between the braces of an interface. */
function bodyOf(text: string, name: string): string {
  const body = new RegExp(`^export interface ${name}\\b[^{]*{\\n([^]*?)^}`, "m").exec(text)?.[1];
  if (body === undefined) throw new Error(`src/client has no interface ${name}.`);
  return body;
}

function memberTable(file: string, name: string): string {
  const members = bodyOf(source(file), name).matchAll(
    /(?: {2}\/\*\*([^]*?)\*\/\n)? {2}readonly (\w+)(\??): ([^]*?);\n(?= {2}\S|$)/g,
  );
  const rows = [...members].map(([, comment = "", member = "", optional = "", type = ""]) => [
    `\`${member}${optional}\``,
    `\`${flat(type).replace(/ \| undefined$/, "")}\``,
    prose(comment),
  ]);
  if (rows.length === 0) throw new Error(`src/client/${file} has no member of ${name} in the usual form.`);
  return table(["member", "type", "meaning"], rows);
}

/** Each method by its plainest overload, which is the last. */
function methods(): string {
  const parts = bodyOf(source("client.ts"), "Client").matchAll(/ {2}\/\*\*([^]*?)\*\/\n([^]*?)(?=\n\n|$)/g);
  return [...parts]
    .map(([, comment = "", declarations = ""]) => {
      const last = declarations.split(/;\n/).findLast((each) => each.trim() !== "") ?? "";
      const signature = flat(last).replace(/;$/, "").replaceAll("( ", "(").replaceAll(/, ?\)/g, ")");
      return `### ${/^\w+/.exec(signature)?.[0]}\n\n\`${signature}\`\n\n${prose(comment)}`;
    })
    .join("\n\n");
}

/** The members of the outcome unions: those that have a `kind`. */
function outcomes(): string {
  const text = source("outcome.ts");
  const declared = text.matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\nexport (?:interface|type) (\w+)([^]*?)(?=\n\n|\n}\n)/g);
  const unions = ["GetOutcome", "PutOutcome", "DeleteOutcome"];
  const rows = [...declared].flatMap(([, comment = "", name = "", rest = ""]) => {
    const kind = /kind: "(\w+)"|Problem<\s*"(\w+)"/.exec(rest);
    if (kind === null) return [];
    const of = unions.filter((union) => new RegExp(`\\b${name}\\b`).test(declarationOf(text, union)));
    return [[`\`${kind[1] ?? kind[2]}\``, of.map((union) => `\`${union}\``).join(", "), prose(comment)]];
  });
  return table(["kind", "outcome of", "meaning"], rows);
}

/** The declaration of a union alone. */
function declarationOf(text: string, name: string): string {
  return new RegExp(`export type ${name}<[^]*?;`).exec(text)?.[0] ?? "";
}

function prose(comment: string): string {
  return comment
    .split("\n")
    .map((line) => line.replace(/^\s*\*? ?/, ""))
    .join("\n")
    .trim();
}

function flat(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, " ").trim();
}
