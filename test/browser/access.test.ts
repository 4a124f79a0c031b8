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

describe("the console", () => {
  it("asks for a token, says why it is refused, and keeps the right one for the tab", async () => {
    const { page, faults } = await openPage(browser, cluster.origin);
    await page.goto(`${cluster.origin}/`);
    const form = page.locator("section.token");
    await form.getByText("UNAUTHENTICATED").waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    const signIn = async (token: string): Promise<void> => {
      await form.getByLabel("Token", { exact: true }).fill(token);
      await form.getByRole("button").click();
    };
    await signIn("ada-token");
    await form.getByText("FORBIDDEN").waitFor();
    await signIn("viewer-token");
    await page.locator("tr[data-node=node1]").waitFor();
    expect(await form.count()).toBe(0);
    await page.reload();
    await page.locator("tr[data-node=node1]").waitFor();
    expect(unexpected(faults)).toEqual([]);
    await page.context().close();
  });
});

describe("the playground", () => {
  it("sends what its headers editor has", async () => {
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
