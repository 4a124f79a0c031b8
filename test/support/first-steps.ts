/** The way of a new user through a gateway's pages, in a real browser. */
import type { Browser, Page } from "playwright-core";
import { expect } from "vitest";
import { openPage } from "./browser.js";
import { eventually } from "./processes.js";

/** From the first page of an empty cluster to an entry that was written, read and found there. */
export async function walkFirstPages(browser: Browser, origin: string): Promise<void> {
  const { page, faults } = await openPage(browser, origin);
  await page.goto(origin);
  await page.getByText("Every shard has a live primary.").waitFor();
  await putInPlayground(page);
  await page.getByRole("button", { name: "ManyKeys" }).click();
  await page.locator(".graphiql-query-editor", { hasText: "ManyKeys" }).waitFor();
  // GraphiQL finds out a moment after the change of the tab which operations there are.
  await eventually(async () => {
    await page.getByRole("button", { name: /^Execute query/ }).click();
    await page.locator(".result-window", { hasText: "KEY_NOT_FOUND" }).waitFor({ timeout: 2_000 });
  });
  await findInConsole(page);
  await page.locator(".tile", { hasText: "Keys" }).getByText("1", { exact: true }).waitFor();
  expect(faults).toEqual([]);
  await page.context().close();
}

/** Signs in once, and writes and finds an entry with the same token. */
export async function walkSignedIn(browser: Browser, origin: string, token: string): Promise<void> {
  const { page, faults } = await openPage(browser, origin);
  await page.goto(origin);
  await page.getByLabel("Token", { exact: true }).fill(token);
  await page.keyboard.press("Enter");
  await page.getByText("Every shard has a live primary.").waitFor();
  await putInPlayground(page);
  await findInConsole(page);
  // The first page is refused once, before its reader has signed in; the browser reports it twice.
  expect(faults.filter((fault) => !/\b401\b/.test(fault))).toEqual([]);
  await page.context().close();
}

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
