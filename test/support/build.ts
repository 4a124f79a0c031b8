/** Builds dist/ once before the tests, so that end-to-end tests run the real program. */
import { execFileSync } from "node:child_process";
import path from "node:path";

export function setup(): void {
  execFileSync("npm", ["run", "--silent", "build"], {
    cwd: path.resolve(import.meta.dirname, "../.."),
    stdio: "inherit",
  });
}
