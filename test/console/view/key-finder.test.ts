import { h } from "preact";
import { afterEach, describe, expect, it, vi } from "vitest";
import { KeyFinder } from "../../../src/console/view/key-finder.js";
import { rendered, type Rendered } from "../rendered.js";

afterEach(() => vi.unstubAllGlobals());

const place = { number: 6, state: "ACTIVE", epoch: 2, primary: { name: "node1" } };
const entry = {
  __typename: "Entry",
  valueText: '{"name":"Ada","id":12345678901234567890}',
  version: "17",
  createdAt: "2026-01-31T12:00:00.000Z",
  updatedAt: "2026-01-31T13:00:00.000Z",
  expiresAt: "2026-02-01T13:00:00.000Z",
  sizeBytes: 40,
};

async function found(
  result: object,
  shardForKey: object = place,
): Promise<Rendered & { readonly places: readonly number[] }> {
  const places: number[] = [];
  const page = await rendered(h(KeyFinder, { onPlace: (shard) => places.push(shard) }));
  page.platform.answer = () => ({ data: { shardForKey, entries: [result] } });
  await page.act(() => page.root.find("input").enter("user123"));
  await page.act(() => page.root.find("form").fire("submit"));
  return { ...page, places };
}

describe("the key finder", () => {
  it("shows the shard of a key, and its value with every digit", async () => {
    const { root, places, platform } = await found(entry);
    expect(platform.posted).toEqual([{ documentId: "console/find", variables: { key: "user123" } }]);
    expect(places).toEqual([6]);
    expect(root.find("p", /belongs/).textContent).toBe("user123 belongs to shard 6 on node1 (active)");
    expect(root.find("pre").textContent).toBe('{\n  "name": "Ada",\n  "id": 12345678901234567890\n}');
    const facts = root.findAll("dt").map(({ textContent }) => textContent);
    expect(facts).toEqual(["size", "version", "written", "created", "expires"]);
  });

  it("omits what a plain storage node does not keep, and the rest of a long value", async () => {
    const valueText = JSON.stringify("x".repeat(100_000));
    const plain = { ...entry, valueText, version: null, createdAt: null, updatedAt: null, expiresAt: null };
    const { root } = await found(plain);
    expect(root.findAll("dt").map(({ textContent }) => textContent)).toEqual(["size"]);
    expect(root.textContent).toContain("Only the beginning is shown.");
  });

  it("says that a key does not exist, and where it would be", async () => {
    const { root } = await found({ __typename: "KeyNotFound", code: "KEY_NOT_FOUND", message: "There is none." });
    expect(root.textContent).toContain("user123 belongs to shard 6 on node1 (active)No entry has this key.");
    expect(root.findAll("pre")).toEqual([]);
  });

  it("says why a shard cannot answer, and what to do", async () => {
    const unavailable = { __typename: "ShardUnavailable", code: "SHARD_UNAVAILABLE", message: "node1 is silent." };
    const { root } = await found(unavailable, { ...place, state: "UNASSIGNED", primary: null });
    expect(root.textContent).toContain("shard 6 which no storage node owns");
    expect(root.find("div", "alert").textContent).toMatch(/^SHARD_UNAVAILABLE node1 is silent\.Try again/);
  });

  it("shows an error of the request", async () => {
    const page = await rendered(h(KeyFinder, { onPlace: () => {} }));
    page.platform.answer = () => ({
      errors: [{ message: "Key “..” is reserved.", extensions: { code: "INVALID_KEY" } }],
    });
    await page.act(() => page.root.find("form").fire("submit"));
    expect(page.root.find("div", "alert").textContent).toMatch(/^INVALID_KEY Key “\.\.” is reserved\./);
  });

  it("keeps the answer to the last question when answers overtake each other", async () => {
    const page = await rendered(h(KeyFinder, { onPlace: () => {} }));
    const answers: ((valueText: string) => void)[] = [];
    page.platform.answer = () =>
      new Promise((resolve) => {
        answers.push((valueText) => resolve({ data: { shardForKey: place, entries: [{ ...entry, valueText }] } }));
      });
    await page.act(() => page.root.find("form").fire("submit"));
    expect(page.root.textContent).toContain("Asking the gateway…");
    await page.act(() => page.root.find("form").fire("submit"));
    await page.act(() => answers[1]?.('"second"'));
    await page.act(() => answers[0]?.('"first"'));
    expect(page.root.textContent).not.toContain("Asking the gateway…");
    expect(page.root.find("pre").textContent).toBe('"second"');
  });
});
