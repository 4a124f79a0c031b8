/** The way of a new user from a built clone, in a real browser: the first page, the first put, the first query, the first token. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser, openPage } from "../support/browser.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { freePorts, shardgate, temporaryFolder } from "../support/processes.js";

const folder = temporaryFolder();
let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  folder.remove();
});

/** From the console to the playground, and what its first tab answers there. */
async function putInPlayground(page: Page): Promise<void> {
  await page.getByRole("link", { name: "Playground" }).click();
  await page.locator(".graphiql-query-editor", { hasText: "FirstPutAndGet" }).waitFor();
  await page.getByRole("button", { name: /^Execute query/ }).click();
  await page.locator(".result-window", { hasText: "isNew" }).waitFor();
  const result = await page.locator(".result-window").innerText();
  expect(result.replaceAll(/\s/g, "")).toContain('"isNew":true');
}

/** From the playground back to the console, which finds what was written. */
async function findInConsole(page: Page): Promise<void> {
  await page.getByRole("link", { name: "Console" }).click();
  await page.getByRole("textbox", { name: "Key" }).fill("user/ada");
  await page.keyboard.press("Enter");
  expect(await page.getByRole("region", { name: "Value" }).textContent()).toBe('{\n  "name": "Ada"\n}');
}

describe("a new user", () => {
  it("starts shardgate, sees the cluster, writes an entry, reads it and finds it on the first page", async () => {
    const [port = 0] = await freePorts(4);
    const dev = shardgate(["dev", "--port", String(port), "--data", folder.path]);
    const [, origin = ""] = await dev.prints(/^ready (http:\/\/127\.0\.0\.1:\d+)\/graphql$/m);
    const { page, faults } = await openPage(browser, origin);
    await page.goto(origin);
    await page.getByText("Every shard has a live primary.").waitFor();
    await putInPlayground(page);
    await page.getByRole("button", { name: "ManyKeys" }).click();
    await page.locator(".graphiql-query-editor", { hasText: "ManyKeys" }).waitFor();
    await page.getByRole("button", { name: /^Execute query/ }).click();
    await page.locator(".result-window", { hasText: "KEY_NOT_FOUND" }).waitFor();
    await findInConsole(page);
    await page.locator(".tile", { hasText: "Keys" }).getByText("1", { exact: true }).waitFor();
    expect(faults).toEqual([]);
    await page.context().close();
    expect(await dev.stop("SIGINT")).toBe(0);
  });

  it("draws a token, signs in once, and is known on both pages", async () => {
    const drawn = shardgate(["token", "ada", "--grant", "read:", "write:user/"]);
    expect(await drawn.ended()).toBe(0);
    const [token = "", line = ""] = drawn.stdout.split("\n");
    const [tokens, secret] = [path.join(folder.path, "tokens.json"), path.join(folder.path, "secret")];
    writeFileSync(tokens, `[${line}]`);
    writeFileSync(secret, "0123456789abcdef0123456789abcdef");
    const cluster = await ProcessCluster.start({
      nodes: 1,
      shards: 8,
      engine: "memory",
      gatewayArgs: ["--tokens", tokens, "--cluster-secret-file", secret],
      nodeArgs: ["--cluster-secret-file", secret],
    });
    const { page, faults } = await openPage(browser, cluster.origin);
    await page.goto(cluster.origin);
    await page.getByLabel("Token", { exact: true }).fill(token);
    await page.keyboard.press("Enter");
    await page.getByText("Every shard has a live primary.").waitFor();
    await putInPlayground(page);
    await findInConsole(page);
    // The first page is refused once, before its reader has signed in; the browser reports it twice.
    expect(faults.filter((fault) => !/\b401\b/.test(fault))).toEqual([]);
    await page.context().close();
    await cluster.stop();
  });
});
