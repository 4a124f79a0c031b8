/** Both pages behind a reverse proxy that has the gateway at `/sg`, in a real browser. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser, openPage, type WatchedPage } from "../support/browser.js";
import { startPrefixProxy, type PrefixProxy } from "../support/prefix-proxy.js";
import { ProcessCluster } from "../support/process-cluster.js";

let cluster: ProcessCluster;
let proxy: PrefixProxy;
let browser: Browser;

beforeAll(async () => {
  cluster = await ProcessCluster.start({ nodes: 1, shards: 8, engine: "memory" });
  proxy = await startPrefixProxy("/sg", cluster.origin);
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  proxy?.close();
  await cluster?.stop();
});

async function open(path: string): Promise<WatchedPage> {
  const opened = await openPage(browser, proxy.origin);
  await opened.page.goto(proxy.origin + path);
  return opened;
}

const pathOf = (page: Page): string => new URL(page.url()).pathname;

describe("a gateway with a path prefix", () => {
  it.each(["/sg/", "/sg", "/sg/?from=bookmark", "/sg?from=bookmark"])(
    "has a live console at %s that finds a key and links to the playground, the REST description and the metrics",
    async (address) => {
      const { page, faults } = await open(address);
      await page.locator("#live", { hasText: "live" }).waitFor();
      expect(pathOf(page)).toBe("/sg/");
      await page.getByRole("textbox", { name: "Key" }).fill("user123");
      await page.getByRole("button", { name: "Find" }).click();
      await page.locator("#found").getByText("No entry has this key.").waitFor();
      for (const [link, expected] of [
        ["REST", "/sg/openapi.json"],
        ["Metrics", "/sg/metrics"],
        ["Playground", "/sg/graphql"],
      ] as const) {
        await page.goto(proxy.origin + address);
        await page.getByRole("link", { name: link }).click();
        await page.waitForURL(`**${expected}`);
      }
      await page.getByRole("button", { name: /^Execute query/ }).waitFor();
      expect(faults).toEqual([]);
      await page.context().close();
    },
  );

  it.each(["/sg/graphql", "/sg/graphql/"])(
    "has a playground at %s that runs a query and links to the console",
    async (path) => {
      const { page, faults } = await open(path);
      await page.locator(".graphiql-query-editor .view-line").first().waitFor();
      expect(pathOf(page)).toBe("/sg/graphql");
      await page.getByRole("button", { name: /^Execute query/ }).click();
      await page.locator(".result-window", { hasText: "isNew" }).waitFor();
      await page.getByRole("link", { name: "Console" }).click();
      await page.locator("#live", { hasText: "live" }).waitFor();
      expect(pathOf(page)).toBe("/sg/");
      expect(faults).toEqual([]);
      await page.context().close();
    },
  );
});
