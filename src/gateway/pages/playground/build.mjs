/**
 * Makes the files that the playground's page loads: the parts of GraphiQL as @graphql-yoga/render-graphiql carries them,
 * our own scripts as tsc compiled them, style and icon. All compressed, each a file of its own in dist/gateway/pages/playground/files.
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as graphiql from "@graphql-yoga/render-graphiql/graphiql";

/**
 * GraphiQL names its icons after functions, whose names are minified: screen readers and tooltips would say "gze icon". All
 * stand in buttons that have a name, or beside one.
 */
const iconTitle =
  /\w+\.name\.replace\("Svg",""\)\.replaceAll\([^)]*\)[^)]*\)\.trimStart\(\)\.toLowerCase\(\)\+" icon"/g;

/** `compiled` is the folder of this one in dist/. */
export function buildPlayground(compiled) {
  const folder = path.join(compiled, "files");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const files = {
    "graphiql.js": withoutIconTitles(graphiql.js),
    "graphiql.css": graphiql.css,
    "editor.worker.js": graphiql.editorWorkerService,
    "graphql.worker.js": graphiql.graphqlWorker,
    "json.worker.js": graphiql.jsonWorker,
    "boot.js": script(path.join(compiled, "boot.js")),
    "tabs.js": script(path.join(compiled, "tabs.js")),
    "token-form.js": script(path.join(compiled, "token-form.js")),
    "page-token.js": script(path.join(compiled, "../../../wire/page-token.js")),
    "playground.css": readFileSync(path.join(import.meta.dirname, "playground.css")),
    "icon.svg": readFileSync(path.join(import.meta.dirname, "icon.svg")),
  };
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(path.join(folder, `${name}.gz`), gzipSync(content, { level: 9 }));
  }
  const graphiqlFolder = path.dirname(fileURLToPath(import.meta.resolve("@graphql-yoga/render-graphiql/package.json")));
  copyFileSync(path.join(graphiqlFolder, "LICENSE"), path.join(compiled, "LICENSE-graphiql"));
}

function withoutIconTitles(text) {
  const found = text.match(iconTitle)?.length ?? 0;
  if (found !== 1) throw new Error(`GraphiQL makes the titles of its icons in ${found} places; the build expects one.`);
  return text.replace(iconTitle, '""');
}

/** Without the reference to its source map, which is not served; what it imports is served from the same folder. */
function script(file) {
  return readFileSync(file, "utf8")
    .replace(/^\/\/# sourceMappingURL=.*$/m, "")
    .replaceAll('"../../../wire/', '"./');
}
