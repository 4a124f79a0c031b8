/** Compiles src/ to dist/ once before the tests, so that end-to-end tests run the real program. */
import { execFileSync } from "node:child_process";
import path from "node:path";

export function setup(): void {
  const root = path.resolve(import.meta.dirname, "../..");
  execFileSync(process.execPath, [path.join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"], {
    cwd: root,
    stdio: "inherit",
  });
}
