/** Puts beside the compiled code in dist/ what is no code: the schema's text. Run by `npm run build`, behind tsc. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..");

buildSchemaText();

/** One file for clients and tools: `shardgate/schema.graphql`. */
function buildSchemaText() {
  const folder = path.join(root, "schema");
  const texts = readdirSync(folder)
    .toSorted()
    .map((file) => readFileSync(path.join(folder, file), "utf8"));
  writeFileSync(path.join(root, "dist/schema.graphql"), texts.join("\n"));
}
