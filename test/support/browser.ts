/**
 * A real browser for tests: headless Chromium on pages that reach one gateway and nothing else, and that remember every
 * fault: a console error (violations of the Content-Security-Policy are such), an uncaught error, a refused request.
 */
import axe from "axe-core";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { chromiumPath } from "./chromium.js";

/** Whoever launches closes. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      // Beneath the refusals of openPage, for what the browser fetches on its own account.
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ],
  });
}

export interface WatchedPage {
  readonly page: Page;
  /** In the order in which they happened; a test expects none. */
  readonly faults: readonly string[];
}

/** An empty page, with a storage of its own. Requests to other origins than `origin` fail. */
export async function openPage(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const faults: string[] = [];
  await context.route(
    (url) => url.origin !== origin,
    async (route) => {
      faults.push(`refused: ${route.request().method()} ${route.request().url()}`);
      await route.abort("internetdisconnected");
    },
  );
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => faults.push(`uncaught: ${error.stack ?? error.message}`));
  page.on("response", (response) => {
    if (response.status() >= 400) faults.push(`answer: ${response.status()} ${response.url()}`);
  });
  return { page, faults };
}

/** A fault that is not ours to mend: of this rule of axe, in elements inside of `selector`. */
export interface KnownFault {
  readonly rule: string;
  readonly selector: string;
}

/** What axe finds serious or critical on the page and is not known: one text a fault. */
export async function accessibilityFaults(page: Page, known: readonly KnownFault[] = []): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const found = (await page.evaluate("axe.run({ resultTypes: ['violations'] })")) as axe.AxeResults;
  const faults = found.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, help, nodes }) => nodes.map(({ target }) => ({ id, help, path: target.join(" ") })));
  const isKnown = await Promise.all(
    faults.map(({ id, path }) => {
      const selectors = known.filter(({ rule }) => rule === id).map(({ selector }) => selector);
      const inside = selectors.join(", ") || ":not(*)";
      return page.evaluate(
        `document.querySelector(${JSON.stringify(path)})?.closest(${JSON.stringify(inside)}) != null`,
      );
    }),
  );
  return faults.filter((_, index) => isKnown[index] !== true).map(({ id, help, path }) => `${id}: ${help}: ${path}`);
}
