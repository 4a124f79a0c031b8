/** The two pages of a gateway that asks who is there, in a real browser. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accessibilityFaults, launchBrowser, openPage } from "../support/browser.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { temporaryFolder } from "../support/processes.js";

const folder = temporaryFolder();
let cluster: ProcessCluster;
let browser: Browser;

beforeAll(async () => {
  const entry = (name: string, role: string, prefix: string) => ({
    name,
    sha256: createHash("sha256").update(`${name}-token`).digest("hex"),
    grants: [{ role, prefix }],
  });
  const tokens = path.join(folder.path, "tokens.json");
  const secret = path.join(folder.path, "secret");
  writeFileSync(tokens, JSON.stringify([entry("viewer", "read", ""), entry("ada", "write", "user")]));
  writeFileSync(secret, "0123456789abcdef0123456789abcdef");
  cluster = await ProcessCluster.start({
    nodes: 1,
    shards: 8,
    engine: "memory",
    gatewayArgs: ["--tokens", tokens, "--cluster-secret-file", secret],
    nodeArgs: ["--cluster-secret-file", secret],
  });
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await cluster?.stop();
  folder.remove();
});

/** Refusals are what these tests are about; the browser reports each of them twice. */
const unexpected = (faults: readonly string[]) => faults.filter((fault) => !/\b40[13]\b/.test(fault));

describe("the console of a gateway with authentication", () => {
  it.each(["light", "dark"] as const)("asks for a token and shows nothing else, in %s", async (colorScheme) => {
    for (const width of [390, 1280]) {
      const viewport = { width, height: 800 };
      const { page, faults } = await openPage(browser, cluster.origin, { colorScheme, viewport });
      await page.goto(`${cluster.origin}/`);
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      const text = await page.locator("body").innerText();
      expect(text).not.toMatch(/No storage node|0 \/ 0|stale|version|Key space|UNAUTHENTICATED/);
      expect(await page.locator("input:focus").getAttribute("aria-label")).toBe("Token");
      expect(await accessibilityFaults(page)).toEqual([]);
      expect(unexpected(faults)).toEqual([]);
      await page.context().close();
    }
  });

  it("shows why a token is refused, keeps a valid one for the tab, and forgets it on request", async () => {
    const { page, faults } = await openPage(browser, cluster.origin);
    await page.goto(`${cluster.origin}/`);
    const form = page.locator("section.token");
    const signIn = async (token: string): Promise<void> => {
      await form.getByLabel("Token", { exact: true }).fill(token);
      await form.getByRole("button").click();
    };
    await signIn("wrong");
    await form.getByText("UNAUTHENTICATED").waitFor();
    expect(await page.locator("input:focus").getAttribute("aria-label")).toBe("Token");
    expect(await accessibilityFaults(page)).toEqual([]);
    await signIn("ada-token");
    await form.getByText("FORBIDDEN").waitFor();
    await signIn("viewer-token");
    await page.locator("tr[data-node=node1]").waitFor();
    expect(await form.count()).toBe(0);
    await page.reload();
    await page.locator("tr[data-node=node1]").waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await form.waitFor();
    await page.reload();
    await form.waitFor();
    expect(unexpected(faults)).toEqual([]);
    await page.context().close();
  });

  it("shows the metrics to users who have signed in", async () => {
    const { page, faults } = await openPage(browser, cluster.origin);
    await page.goto(`${cluster.origin}/`);
    expect(await page.getByRole("link", { name: "Metrics" }).count()).toBe(0);
    await page.getByLabel("Token", { exact: true }).fill("viewer-token");
    await page.keyboard.press("Enter");
    const opened = page.context().waitForEvent("page");
    await page.getByRole("link", { name: "Metrics" }).click();
    await (await opened).getByText("shardgate_").first().waitFor();
    expect(unexpected(faults)).toEqual([]);
    await page.context().close();
  });
});

describe("the playground of a gateway with authentication", () => {
  it("asks for a token, shows that it is refused, and sends a valid one with each request", async () => {
    const { page, faults } = await openPage(browser, cluster.origin, { viewport: { width: 390, height: 844 } });
    await page.goto(`${cluster.origin}/graphql`);
    await page.locator(".result-window", { hasText: "UNAUTHENTICATED" }).waitFor();
    await page.getByLabel("Token", { exact: true }).fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").getByText("The gateway does not accept this token.").waitFor();
    await page.getByLabel("Token", { exact: true }).fill("ada-token");
    await page.keyboard.press("Enter");
    await page.getByText("Your token goes with every request.").waitFor();
    await page.locator(".graphiql-query-editor .view-line").first().waitFor();
    await page.getByRole("button", { name: /^Execute query/ }).click();
    await page.locator(".result-window", { hasText: "isNew" }).waitFor();
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.locator(".result-window", { hasText: "UNAUTHENTICATED" }).waitFor();
    expect(unexpected(faults)).toEqual([]);
    await page.context().close();
  });

  it("sends the headers of its headers editor", async () => {
    const { page, faults } = await openPage(browser, cluster.origin);
    await page.goto(`${cluster.origin}/graphql`);
    await page.locator(".graphiql-query-editor .view-line").first().waitFor();
    const run = () => page.getByRole("button", { name: /^Execute query/ }).click();
    await run();
    await page.locator(".result-window", { hasText: "UNAUTHENTICATED" }).waitFor();
    await page.getByRole("button", { name: "Headers" }).click();
    await page.locator(".graphiql-editor-tool .monaco-editor:visible").click();
    await page.keyboard.insertText('{ "Authorization": "Bearer ada-token" }');
    await run();
    await page.locator(".result-window", { hasText: "isNew" }).waitFor();
    expect(unexpected(faults)).toEqual([]);
    await page.context().close();
  });
});
