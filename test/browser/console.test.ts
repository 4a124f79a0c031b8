import { statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/cli/environment/system-clock.js";
import { createConsole, type Console } from "../../src/gateway/pages/console/console.js";
import { RecentTraffic } from "../../src/gateway/pages/console/recent-traffic.js";
import { MadeUpCluster } from "../gateway/pages/console/made-up-cluster.js";
import { accessibilityFaults, launchBrowser, openPage, type WatchedPage } from "../support/browser.js";
import { graphqlData } from "../support/gateway-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually, repository } from "../support/processes.js";

const screenshots = path.join(repository, "docs/images");

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

/** The console at `origin`, once it is live. */
async function openConsole(origin: string, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const opened = await openPage(browser, origin, options);
  await opened.page.goto(`${origin}/`);
  await opened.page.locator("#live", { hasText: "live" }).waitFor();
  return opened;
}

const rowOf = (page: Page, node: string) => page.locator(`tr[data-node=${node}]`);

/** Readers that come and go, so that there is something to draw. */
async function trafficOfAMinute(origin: string): Promise<void> {
  const startMs = performance.now();
  const reader = async (number: number): Promise<void> => {
    for (let elapsedMs = 0; elapsedMs < 60_000; elapsedMs = performance.now() - startMs) {
      const isBusy = number < 2 + 3 * (1 + Math.sin(elapsedMs / 6_000));
      const key = `user${Math.floor(elapsedMs) % 500}`;
      await (await fetch(`${origin}${isBusy ? `/data/${key}` : "/health"}`)).arrayBuffer();
      if (!isBusy) await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, number) => reader(number)));
}

describe("the console of a cluster of three storage nodes", () => {
  let cluster: ProcessCluster;

  beforeAll(async () => {
    // Longer than the second between two heartbeats, or storage nodes would be SUSPECT half of the time.
    const gatewayArgs = ["--suspect-after", "1500", "--down-after", "2500"];
    cluster = await ProcessCluster.start({ nodes: 3, shards: 64, gatewayArgs });
    const put = `mutation Put($items: [PutInput!]!) { putMany(items: $items) { __typename } }`;
    const items = Array.from({ length: 500 }, (_, index) => ({ key: `user${index}`, value: { name: "Ada", index } }));
    // On a busy machine a heartbeat may be late, and a shard unavailable for a moment.
    await eventually(async () => {
      const { putMany } = await graphqlData<{ readonly putMany: readonly object[] }>(cluster.origin, put, { items });
      expect(new Set(putMany.map((outcome) => JSON.stringify(outcome)))).toEqual(
        new Set(['{"__typename":"PutSuccess"}']),
      );
    });
  });
  afterAll(() => cluster.stop());

  it("shows three live storage nodes with their figures", async () => {
    const { page, faults } = await openConsole(cluster.origin);
    for (const node of cluster.nodeNames) {
      await rowOf(page, node).getByText("UP").waitFor();
      await rowOf(page, node).getByText("lmdb").waitFor();
    }
    await page.getByText("Every shard has a live primary.").waitFor();
    await page.getByText("64 / 64").waitFor();
    await page.locator(".tile", { hasText: "Keys" }).getByText("500").waitFor();
    expect(await page.locator(".uplot canvas").count()).toBe(2);
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it("finds a key, with its value and its shard", async () => {
    const { page, faults } = await openConsole(cluster.origin);
    await page.getByRole("textbox", { name: "Key" }).fill("user123");
    await page.keyboard.press("Enter");
    await page.locator("#found").getByText("shard 6").waitFor();
    expect(await page.getByRole("region", { name: "Value" }).textContent()).toBe(
      '{\n  "name": "Ada",\n  "index": 123\n}',
    );
    const slider = page.getByRole("slider", { name: "Shard" });
    expect(await slider.getAttribute("aria-valuetext")).toMatch(/^shard 6: active, on node\d \([ABC]\), epoch 1$/);
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it("can be used with the keyboard alone: selects a shard, is refused, hides its data, assigns it back", async () => {
    const { page, faults } = await openConsole(cluster.origin);
    const slider = page.getByRole("slider", { name: "Shard" });
    await slider.focus();
    for (const key of ["Home", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowUp"]) await page.keyboard.press(key);
    expect(await slider.getAttribute("aria-valuenow")).toBe("2");
    const before = (await slider.getAttribute("aria-valuetext")) ?? "";
    const owner = /node\d/.exec(before)?.[0] ?? "";
    const other = cluster.nodeNames.find((name) => name !== owner) ?? "";
    const assignTo = async (node: string): Promise<void> => {
      await page.getByLabel("Storage node to assign the shard to").selectOption(node);
      await page.getByRole("button", { name: "Assign", exact: true }).focus();
      await page.keyboard.press("Enter");
    };
    await assignTo(other);
    const alert = page.getByRole("alert");
    await alert.getByText("ASSIGNMENT_WOULD_HIDE_DATA").waitFor();
    await alert.getByText("Keep the assignment, or force the change").waitFor();
    await page.getByText(/^The \d+ keys of shard 2 on node\d will be hidden/).waitFor();
    await page.getByRole("button", { name: `Hide the data and assign to ${other}` }).press("Enter");
    await page.getByText(`Shard 2 was assigned to ${other}, epoch 2.`).waitFor();
    await page.locator(".history li", { hasText: "epoch 2" }).getByText("operator").waitFor();
    await page.waitForFunction("document.querySelector('[role=slider]').ariaValueText.endsWith('epoch 2')");
    await assignTo(owner);
    await alert.getByText("ASSIGNMENT_WOULD_HIDE_DATA").waitFor();
    await page.getByText(/^Shard 2 is empty now/).waitFor();
    await page.getByRole("button", { name: `Assign to ${owner}` }).press("Enter");
    await page.getByText(`Shard 2 was assigned to ${owner}, epoch 3.`).waitFor();
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it.each(["light", "dark"] as const)(
    "has no serious accessibility fault in %s, on a desktop and on a phone",
    async (colorScheme) => {
      for (const viewport of [
        { width: 1280, height: 800 },
        { width: 320, height: 640 },
      ]) {
        const { page, faults } = await openConsole(cluster.origin, { colorScheme, viewport });
        await page.getByRole("textbox", { name: "Key" }).fill("user1");
        await page.getByRole("button", { name: "Find" }).click();
        await page.getByRole("region", { name: "Value" }).waitFor();
        expect(await accessibilityFaults(page)).toEqual([]);
        expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(viewport.width);
        expect(faults).toEqual([]);
        await page.context().close();
      }
    },
  );

  it.runIf(process.env["SHARDGATE_SCREENSHOTS"] === "1")(
    "looks as in the README's picture",
    { timeout: 120_000 },
    async () => {
      const { page, faults } = await openConsole(cluster.origin, { viewport: { width: 1280, height: 625 } });
      await page.getByRole("textbox", { name: "Key" }).fill("user123");
      await page.keyboard.press("Enter");
      await page.getByRole("region", { name: "Value" }).waitFor();
      await trafficOfAMinute(cluster.origin);
      await page.screenshot({ path: path.join(screenshots, "console.png") });
      expect(statSync(path.join(screenshots, "console.png")).size).toBeLessThanOrEqual(150_000);
      expect(faults).toEqual([]);
      await page.context().close();
    },
  );

  it("shows a killed storage node as DOWN with its unavailable shards, and its return", async () => {
    const { page, faults } = await openConsole(cluster.origin);
    await rowOf(page, "node2").getByText("UP").waitFor();
    await cluster.run("node2").stop("SIGKILL");
    await rowOf(page, "node2").getByText("DOWN").waitFor();
    await page.getByText(/^2[0-2] shards unavailable\.$/).waitFor();
    await page.getByText(/2[0-2] unavailable, 0 unassigned/).waitFor();
    await rowOf(page, "node1").getByText("UP").waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    cluster.startNode("node2");
    await rowOf(page, "node2").getByText("UP").waitFor();
    await page.getByText("Every shard has a live primary.").waitFor();
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it("is outdated while the gateway is down, and recovers by itself", async () => {
    const { page, faults } = await openConsole(cluster.origin);
    await cluster.run("gateway").stop();
    await page.getByText("These data are out of date").waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    cluster.startGateway();
    await page.locator("#live", { hasText: "live" }).waitFor();
    expect(await page.getByText("These data are out of date").count()).toBe(0);
    // The browser itself reports the connections that were refused meanwhile.
    expect(faults.filter((fault) => !fault.includes("net::ERR_"))).toEqual([]);
    await page.context().close();
  });
});

describe("the console of 300 storage nodes and 4096 shards", () => {
  let server: Server;
  let console: Console;
  let large: MadeUpCluster;
  let origin: string;

  beforeAll(async () => {
    large = new MadeUpCluster(systemClock, 300, 4096);
    const traffic = new RecentTraffic(systemClock);
    const built = path.join(repository, "dist/gateway/pages/console/files");
    console = createConsole(large.services(), { traffic, hasPlayground: false, folder: built });
    server = createServer((request, response) => {
      if (!console.answer(request, response)) response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    await console.close();
    server.closeAllConnections();
    server.close();
  });

  it("stays small, and updates only what changes", async () => {
    const { page } = await openConsole(origin);
    await page.getByText("300 / 300").waitFor();
    await rowOf(page, "node300").getByText("lmdb").waitFor();
    expect(await page.locator("*").count()).toBeLessThan(6_000);
    const changes = page.evaluate(`new Promise((resolve) => {
      let rows = new Set();
      const observer = new MutationObserver((records) => {
        for (const { target } of records) {
          const row = (target.parentElement ?? target).closest("tr");
          if (row !== null) rows.add(row.dataset.node);
        }
        if (rows.has("node007")) resolve([...rows]);
      });
      observer.observe(document.querySelector("tbody"), { subtree: true, childList: true, characterData: true, attributes: true });
    })`);
    large.states.set("node007", "DOWN");
    expect(await changes).toEqual(["node007"]);
    await page.context().close();
  });

  it("renders each key press in its own frame, and filters and sorts at once", async () => {
    const { page } = await openConsole(origin);
    await page.getByText("300 / 300").or(page.getByText("299 / 300")).waitFor();
    const slider = page.getByRole("slider", { name: "Shard" });
    await slider.focus();
    await page.keyboard.press("Home");
    // Each press is rendered within the frames that follow it: none is lost, and the page never waits for a long task.
    const frames = await page.evaluate(`(async () => {
      const slider = document.querySelector("[role=slider]");
      let frames = 0;
      for (let press = 1; press <= 100; press++) {
        slider.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
        while (slider.getAttribute("aria-valuenow") !== String(press)) {
          await new Promise(requestAnimationFrame);
          frames++;
        }
      }
      return frames;
    })()`);
    expect(frames).toBeLessThanOrEqual(200);
    await page.getByLabel("Filter").fill("node29");
    await page.getByText("10 of 300").waitFor();
    expect(await page.locator("tbody tr").count()).toBe(10);
    await page.getByRole("button", { name: "Storage node", exact: true }).click();
    expect(await page.locator("tbody tr").first().getAttribute("data-node")).toBe("node299");
    await page.context().close();
  });

  it("fits on a phone without a serious accessibility fault", async () => {
    const { page } = await openConsole(origin, { viewport: { width: 320, height: 640 }, colorScheme: "dark" });
    await page.getByText(/\d+ \/ 300/).waitFor();
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(320);
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.context().close();
  });
});
