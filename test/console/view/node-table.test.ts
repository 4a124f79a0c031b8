import { h } from "preact";
import { afterEach, describe, expect, it, vi } from "vitest";
import { withCluster, withTick } from "../../../src/console/model/cluster-state.js";
import { usePlatform } from "../../../src/console/platform.js";
import { NodeTable } from "../../../src/console/view/node-table.js";
import { rendered, type Rendered } from "../rendered.js";
import { clusterOf, downRow, stateOf, tickOf, upRow } from "../samples.js";

afterEach(() => vi.unstubAllGlobals());

const state = stateOf(clusterOf(3, 10), [upRow, downRow, ["SUSPECT", null, 500, 10, 0.5, 2_500, null, null]]);
const tableOf = (shown = state) => h(NodeTable, { ...shown, marked: null, onMark: () => {} });
const names = ({ root }: Rendered) =>
  root
    .findAll("tr")
    .slice(1)
    .map((row) => row.attribute("data-node"));
const press = (page: Rendered, title: RegExp) => page.act(() => page.root.find("button", title).fire("click"));

describe("the node table", () => {
  it("has a row for each storage node, with a dash for unknown figures", async () => {
    const { root } = await rendered(tableOf());
    const rows = root.findAll("tr").slice(1);
    expect(rows.map((row) => row.findAll("td").map(({ textContent }) => textContent))).toEqual([
      ["● UP", "4", "10", "1000 B", "1.5 ms", "9 ms", "now", "lmdb"],
      ["✕ DOWN", "3", "–", "–", "–", "–", "42 s ago", "–"],
      ["◐ SUSPECT", "3", "500", "10 B", "0.5 ms", "2.5 s", "never", "–"],
    ]);
  });

  it("shows beside the state why a storage node's shards are not served, and what to do", async () => {
    const problem = "Storage node node1 came back with another data folder. Accept the loss, or bring the folder back.";
    const shown = stateOf(clusterOf(1, 4), [["UP", 0, null, null, null, null, "lmdb", problem]]);
    const { root } = await rendered(tableOf(shown));
    expect(root.find("p", /another data folder/).attribute("role")).toBe("note");
  });

  it("shows which storage nodes are drained, and which share their store", async () => {
    const shared = { url: "", isStoreShared: true } as const;
    const nodes = [{ name: "node1", ...shared, isDraining: true } as const, { name: "node2", ...shared }];
    const before = stateOf(clusterOf(2, 4, { nodes }));
    const { root } = await rendered(tableOf(before));
    const [first, second] = root.findAll("tr").slice(1);
    expect(first?.textContent).toContain("● UP draining: it is given no shards");
    expect(first?.textContent).toContain("lmdb shared store");
    expect(second?.textContent).not.toContain("draining");
    const after = withCluster(before, clusterOf(2, 4));
    expect((await rendered(tableOf(after))).root.textContent).not.toMatch(/draining|shared store/);
  });

  it("is sorted by the column whose head was clicked", async () => {
    const page = await rendered(tableOf());
    expect(names(page)).toEqual(["node1", "node2", "node3"]);
    await press(page, /^Storage node/);
    expect(names(page)).toEqual(["node3", "node2", "node1"]);
    expect(page.root.find("th", /^Storage node/).attribute("aria-sort")).toBe("descending");
    await press(page, /^Keys/);
    expect(names(page)).toEqual(["node3", "node1", "node2"]);
    await press(page, /^State/);
    expect(names(page)).toEqual(["node2", "node3", "node1"]);
    expect(page.root.find("th", /^State/).attribute("aria-sort")).toBe("ascending");
    expect(page.root.find("th", /^Keys/).attribute("aria-sort")).toBe("none");
  });

  it("shows the nodes that match the filter", async () => {
    const page = await rendered(tableOf());
    await page.act(() => page.root.find("input").enter(" DOWN "));
    expect(names(page)).toEqual(["node2"]);
    expect(page.root.textContent).toContain("1 of 3");
  });

  it("renders only rows with changes again", async () => {
    const page = await rendered(tableOf());
    const before = page.root.findAll("tr").map(({ textContent }) => textContent);
    await page.show(tableOf(withTick(state, tickOf([upRow, upRow]))));
    const after = page.root.findAll("tr").map(({ textContent }) => textContent);
    expect(after.map((text, index) => text === before[index])).toEqual([true, true, false, true]);
  });
});

describe("a part without a platform", () => {
  it("throws an error that names what is missing", async () => {
    const Lost = () => h("p", null, String(usePlatform()));
    vi.stubGlobal("document", {});
    const { render } = await import("preact");
    const { SmallElement } = await import("../small-dom.js");
    const root = new SmallElement("main") as unknown as Element;
    expect(() => render(h(Lost, null), root)).toThrow("The page's root gives no platform.");
  });
});
