/** The playground in a real browser, which can reach the gateway and nothing else. */
import { mkdirSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accessibilityFaults, launchBrowser, openPage, type KnownFault, type WatchedPage } from "../support/browser.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually, repository } from "../support/processes.js";

let cluster: ProcessCluster;
let browser: Browser;
beforeAll(async () => {
  cluster = await ProcessCluster.start({ nodes: 3, shards: 64, engine: "memory" });
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await cluster?.stop();
});

/** The playground, ready to run what is in its first tab. */
async function openPlayground(options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const watched = await openPage(browser, cluster.origin, options);
  const { page } = watched;
  await page.goto(`${cluster.origin}/graphql`);
  await page.getByRole("button", { name: /^Execute query/ }).waitFor();
  await page.locator(".graphiql-query-editor .view-line").first().waitFor();
  return watched;
}

async function expectTab(page: Page, name: string): Promise<void> {
  await page.getByRole("tab", { name, selected: true }).waitFor();
  await page.locator(".graphiql-query-editor", { hasText: name }).waitFor();
}

/** GraphiQL's own: its tabs hold a button to close them; the colours of Monaco and of the documentation are pale. */
const faultsOfGraphiql: readonly KnownFault[] = [
  { rule: "nested-interactive", selector: ".graphiql-tabs" },
  { rule: "color-contrast", selector: ".monaco-editor" },
  { rule: "color-contrast", selector: ".graphiql-doc-explorer" },
  { rule: "link-in-text-block", selector: ".graphiql-doc-explorer" },
];

describe("the playground", () => {
  it("runs the first tab and shows its result, without an error", async () => {
    const { page, faults } = await openPlayground();
    const tabs = await page.getByRole("tab").allInnerTexts();
    expect(tabs.filter((name) => /^[A-Z][a-zA-Z]{7}/.test(name))).toEqual([
      "FirstPutAndGet",
      "ManyKeys",
      "CompareAndSet",
      "ScanWithCursor",
      "ShardsAndNodes",
      "Reassign",
    ]);
    await page.getByRole("button", { name: /^Execute query/ }).click();
    await page.locator(".result-window", { hasText: "isNew" }).waitFor();
    const result = await page.locator(".result-window").innerText();
    expect(result.replaceAll(/\s/g, "")).toContain('"value":{"name":"Ada"}');
    // The editor's marks and completions come from workers; faults of theirs show once they are there.
    await eventually(() => expect(page.workers().length).toBeGreaterThan(1));
    expect(await accessibilityFaults(page, faultsOfGraphiql)).toEqual([]);
    await screenshot({ page, faults }, "playground.png");
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it("shows the schema's documentation, and an explorer that writes queries", async () => {
    const { page, faults } = await openPlayground();
    await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
    await page.locator(".graphiql-doc-explorer").getByText("Query", { exact: true }).click();
    await page.locator(".graphiql-doc-explorer").getByText("One entry; null when the key does not exist.").waitFor();
    expect(await accessibilityFaults(page, faultsOfGraphiql)).toEqual([]);
    await page.getByRole("button", { name: "Show GraphiQL Explorer" }).click();
    await page.locator(".graphiql-explorer-root").getByText("deleteMany").first().waitFor();
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it("keeps its tabs when the page is reloaded, and opens a query from the address", async () => {
    const { page, faults } = await openPlayground();
    await page.reload();
    await expectTab(page, "FirstPutAndGet");
    await page.getByRole("button", { name: "ManyKeys" }).click();
    await eventually(async () =>
      expect(await page.evaluate("localStorage.getItem('shardgate:graphiql:variables')")).toContain("user/nobody"),
    );
    await page.reload();
    await expectTab(page, "ManyKeys");
    await page.goto(`${cluster.origin}/graphql?query=${encodeURIComponent("query FromAddress { __typename }")}`);
    await expectTab(page, "FromAddress");
    await page.reload();
    await expectTab(page, "FromAddress");
    expect(page.url()).toBe(`${cluster.origin}/graphql`);
    expect(await page.locator(".graphiql-tab").count()).toBe(7);
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it("gives its icons no text but the names of their buttons", async () => {
    const { page, faults } = await openPlayground();
    await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
    await page.locator(".graphiql-doc-explorer").getByText("Query", { exact: true }).click();
    await page.locator(".graphiql-doc-explorer").getByText("One entry; null when the key does not exist.").waitFor();
    expect(await page.locator("svg title").allTextContents()).toEqual([]);
    expect(await page.locator("body").ariaSnapshot()).not.toMatch(/ icon\b/);
    const nameless = (await page.evaluate(
      "[...document.querySelectorAll('button')].filter((button) => " +
        "!button.ariaLabel && !button.textContent.trim()).map((button) => button.outerHTML)",
    )) as readonly string[];
    expect(nameless).toEqual([]);
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it.each(["light", "dark"] as const)("is usable on a phone, in %s", async (colorScheme) => {
    const { page, faults } = await openPlayground({ viewport: { width: 390, height: 844 }, colorScheme });
    const boxOf = async (selector: string) => {
      const box = await page.locator(selector).boundingBox();
      if (box === null) throw new Error(`${selector} is not to be seen.`);
      return box;
    };
    await page.getByRole("button", { name: /^Execute query/ }).click();
    await page.locator(".result-window", { hasText: "isNew" }).waitFor();
    // The page finds its layout in several steps, and on a busy machine a look may fall between two.
    await eventually(async () => {
      const [editor, result] = [await boxOf(".graphiql-query-editor"), await boxOf(".result-window")];
      expect([editor.width, result.width].every((width) => width >= 350)).toBe(true);
      expect([editor.height, result.height].every((height) => height >= 200)).toBe(true);
      expect(result.y).toBeGreaterThanOrEqual(editor.y + editor.height);
      expect(result.y + result.height).toBeLessThanOrEqual(844);
    });
    await page.getByRole("button", { name: "Reassign" }).click();
    await expectTab(page, "Reassign");
    await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
    await eventually(async () => expect((await boxOf(".graphiql-doc-explorer")).width).toBeGreaterThan(300));
    await page.getByRole("button", { name: "Hide Documentation Explorer" }).click();
    await eventually(async () => {
      expect((await boxOf(".graphiql-query-editor")).height).toBeGreaterThanOrEqual(200);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
    });
    await eventually(async () => expect(await accessibilityFaults(page, faultsOfGraphiql)).toEqual([]));
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it("loads less than 3 MB, including the workers", async () => {
    const folder = path.join(repository, "dist/gateway/pages/playground/files");
    const names = readdirSync(folder);
    expect(names).toHaveLength(11);
    const bytes = names.reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);
    expect(bytes).toBeLessThan(3_000_000);
    const { page } = await openPlayground();
    const sizes = (await page.evaluate(
      "performance.getEntriesByType('resource').map(({ transferSize }) => transferSize)",
    )) as readonly number[];
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(3_000_000);
    await page.context().close();
  });
});

/** For the README: written where SHARDGATE_SCREENSHOTS says, and nowhere without it. */
async function screenshot({ page }: WatchedPage, name: string): Promise<void> {
  const folder = process.env["SHARDGATE_SCREENSHOTS"];
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, name);
  await page.screenshot({ path: file });
  expect(statSync(file).size).toBeLessThanOrEqual(150_000);
}
