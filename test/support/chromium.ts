/** Where the browser of test/browser is. Without one those tests are left out, and the run says so. */
import { existsSync } from "node:fs";

export const chromiumPath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";

export const hasChromium = existsSync(chromiumPath);
