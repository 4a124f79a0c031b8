/** Puts beside the compiled code in dist/ what is no code of the server. Run by `npm run build`, behind tsc. */
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { buildConsole } from "./console/build.mjs";
import { buildPlayground } from "./gateway/pages/playground/build.mjs";

const root = path.resolve(import.meta.dirname, "..");

// npm does so only when it links the program, not when it is compiled again: `npx shardgate` would not be allowed to start.
chmodSync(path.join(root, "dist/cli/main.js"), 0o755);
buildSchemaText();
buildPlayground(path.join(root, "dist/gateway/pages/playground"));
await buildConsole(path.join(root, "dist/gateway/pages/console"));

/** One file for clients and tools: `shardgate/schema.graphql`. */
function buildSchemaText() {
  const folder = path.join(root, "schema");
  const texts = readdirSync(folder)
    .toSorted()
    .map((file) => readFileSync(path.join(folder, file), "utf8"));
  writeFileSync(path.join(root, "dist/schema.graphql"), texts.join("\n"));
}
