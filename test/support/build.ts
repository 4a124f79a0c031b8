/** Builds dist/ once before the tests, so that end-to-end tests run the real program. */
import { execFileSync } from "node:child_process";
import path from "node:path";
import { chromiumPath, hasChromium } from "./chromium.js";

export function setup(): void {
  if (!hasChromium) process.stderr.write(`There is no Chromium at ${chromiumPath}: test/browser is left out.\n`);
  execFileSync("npm", ["run", "--silent", "build"], {
    cwd: path.resolve(import.meta.dirname, "../.."),
    stdio: "inherit",
  });
}
