import { h } from "preact";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ShardPanel } from "../../../src/console/view/shard-panel.js";
import { FakePlatform, rendered, type Rendered } from "../rendered.js";
import { clusterOf, downRow, stateOf, upRow } from "../samples.js";

afterEach(() => vi.unstubAllGlobals());

const state = stateOf(clusterOf(3, 4, { owners: [0, 1, -1, 9], states: "AUNA" }), [upRow, downRow, upRow]);
const history = [
  { epoch: 2, storageNodeName: "node1", at: "2026-01-31T12:00:00.000Z", cause: "OPERATOR" },
  { epoch: 1, storageNodeName: null, at: "2026-01-31T11:00:00.000Z", cause: "AUTOMATIC" },
];
const refusal = {
  errors: [{ message: "Shard 0 has data on node1.", extensions: { code: "ASSIGNMENT_WOULD_HIDE_DATA" } }],
};

const panelOf = (selected: number, shown = state) => h(ShardPanel, { ...shown, selected, onSelect: () => {} });

async function opened(selected = 0, keyCount: string | null = "13"): Promise<Rendered> {
  const platform = new FakePlatform();
  platform.answer = ({ variables }) => ({
    data: { shard: { number: variables["number"], keyCount, sizeBytes: keyCount === null ? null : "2048", history } },
  });
  const page = await rendered(panelOf(selected), platform);
  const rest = (): Promise<void> => page.act(() => platform.clock.advance(200));
  await rest();
  return {
    ...page,
    async show(content) {
      await page.show(content);
      await rest();
    },
  };
}

async function assign({ act, root }: Rendered): Promise<void> {
  await act(() => root.find("select").enter("node3", "change"));
  await act(() => root.find("form").fire("submit"));
}

describe("the shard panel", () => {
  it("shows a shard's state, owner, figures and history", async () => {
    const { root, platform } = await opened();
    expect(platform.posted).toEqual([{ documentId: "console/shard", variables: { number: 0 } }]);
    const facts = root.findAll("dd").map(({ textContent }) => textContent);
    expect(facts).toEqual(["active", "A node1", "1", "13", "2 KiB"]);
    expect(root.findAll("li").map(({ textContent }) => textContent)).toEqual([
      expect.stringMatching(/^epoch 2 node1 operator, \d{4}-/),
      expect.stringMatching(/^epoch 1 no storage node automatic, \d{4}-/),
    ]);
  });

  it("shows what is known of a shard without an owner, or whose owner does not report", async () => {
    const { root, show, platform } = await opened(2, null);
    expect(root.findAll("dd").map(({ textContent }) => textContent)).toEqual(["unassigned", "none", "1", "–", "–"]);
    expect(root.findAll("option")).toHaveLength(4);
    platform.answer = () => ({ data: { shard: { number: 3, keyCount: null, sizeBytes: null, history: [] } } });
    await show(panelOf(3));
    expect(root.textContent).toContain("Never assigned.");
    expect(root.findAll("dd")[1]?.textContent).toBe("none");
    await show(panelOf(0, stateOf(clusterOf(0, 0))));
    expect(root.textContent).toContain("No shards yet.");
  });

  it("shows no history before the gateway has answered", async () => {
    const { root, platform, act, show } = await rendered(panelOf(0));
    let answer = (): void => {};
    platform.answer = () =>
      new Promise((resolve) => {
        answer = () => resolve({ data: { shard: { number: 0, keyCount: "1", sizeBytes: "1", history: [] } } });
      });
    expect(root.textContent).toContain("Asking the gateway…");
    await act(() => platform.clock.advance(200));
    expect(root.textContent).toContain("Asking the gateway…");
    expect(root.textContent).not.toContain("Never assigned.");
    await act(() => answer());
    expect(root.textContent).toContain("Never assigned.");
    await show(panelOf(1));
    expect(root.textContent).not.toContain("Never assigned.");
  });

  it("shows why the gateway does not return a shard's history", async () => {
    const page = await opened();
    page.platform.answer = () => ({ errors: [{ message: "No.", extensions: { code: "FORBIDDEN" } }] });
    await page.show(panelOf(1));
    expect(page.root.find("div", "alert").textContent).toMatch(/^FORBIDDEN No\./);
    expect(page.root.textContent).not.toContain("Never assigned.");
    page.platform.answer = () => ({ data: { shard: null } });
    await page.show(panelOf(2));
    expect(page.root.find("div", "alert").textContent).toBe(" Shard 2 does not exist.");
  });

  it("asks again when the shard has another epoch, and drops an answer that arrives too late", async () => {
    const { root, show, platform, act } = await opened();
    let answerLate = (): void => {};
    platform.answer = () =>
      new Promise((resolve) => {
        answerLate = () => resolve({ data: { shard: { number: 0, keyCount: "99", sizeBytes: "1", history } } });
      });
    await show(panelOf(0, { ...state, shards: state.shards.map((shard) => ({ ...shard, epoch: 5 })) }));
    expect(platform.posted).toHaveLength(2);
    platform.answer = () => ({ data: { shard: { number: 1, keyCount: "7", sizeBytes: "1", history } } });
    await show(panelOf(1));
    await act(() => answerLate());
    expect(root.findAll("dd")[3]?.textContent).toBe("7");
  });
});

describe("the form that assigns a shard", () => {
  it("sends the epoch that is shown, and shows the result", async () => {
    const page = await opened();
    page.platform.answer = () => ({ data: { assignShard: { shard: { epoch: 2 } } } });
    expect(page.root.findAll("option").map(({ textContent }) => textContent)).toEqual([
      "Assign to…",
      "node2 (DOWN)",
      "node3",
    ]);
    await assign(page);
    expect(page.platform.posted.at(-1)).toEqual({
      documentId: "console/assign",
      variables: { input: { shard: 0, storageNode: "node3", ifEpoch: 1, force: false } },
    });
    expect(page.root.find("p", "status").textContent).toBe("Shard 0 was assigned to node3, epoch 2.");
  });

  it("shows a refusal with its advice, and offers to overrule only those that can be", async () => {
    const page = await opened();
    page.platform.answer = () => ({ errors: [{ message: "It changed.", extensions: { code: "EPOCH_CONFLICT" } }] });
    await assign(page);
    expect(page.root.find("div", "alert").textContent).toMatch(
      /^EPOCH_CONFLICT It changed\.The shard's assignment has changed/,
    );
    expect(page.root.findAll("button", /Hide/)).toEqual([]);
    await page.act(() => page.root.find("select").enter("node2", "change"));
    expect(page.root.findAll("div", "alert")).toEqual([]);
  });

  it("hides data only after a second step that says so", async () => {
    const page = await opened();
    page.platform.answer = () => refusal;
    await assign(page);
    expect(page.root.textContent).toContain("The 13 keys of shard 0 on node1 will be hidden");
    page.platform.answer = () => ({ data: { assignShard: { shard: { epoch: 2 } } } });
    await page.act(() => page.root.find("button", "Hide the data and assign to node3").fire("click"));
    expect(page.platform.posted.at(-1)).toMatchObject({ variables: { input: { ifEpoch: 1, force: true } } });
    expect(page.root.textContent).toContain("Shard 0 was assigned to node3");
  });

  it("warns for an empty shard that older keys of it would reappear", async () => {
    const page = await opened(0, "0");
    page.platform.answer = () => refusal;
    await assign(page);
    expect(page.root.textContent).toContain("Shard 0 is empty now. Older keys that node3 still has");
    page.platform.answer = () => ({ data: { assignShard: { shard: { epoch: 2 } } } });
    await page.act(() => page.root.find("button", "Assign to node3").fire("click"));
    expect(page.platform.posted.at(-1)).toMatchObject({ variables: { input: { force: true } } });
  });

  it("says for a single key what happens to it", async () => {
    const page = await opened(0, "1");
    page.platform.answer = () => refusal;
    await assign(page);
    expect(page.root.textContent).toContain("The one key of shard 0 on node1 will be hidden until");
  });

  it("cancels the second step", async () => {
    const page = await opened(2, null);
    page.platform.answer = () => refusal;
    await assign(page);
    expect(page.root.textContent).toContain("The keys of shard 2 on its storage node will be hidden");
    await page.act(() => page.root.find("button", "Cancel").fire("click"));
    expect(page.root.findAll("div", "alert")).toEqual([]);
    expect(page.root.findAll("button", /Hide/)).toEqual([]);
  });

  it("shows a problem with an unknown code, and a failed connection to the gateway", async () => {
    const page = await opened();
    page.platform.answer = () => ({ errors: [{ message: "Odd." }] });
    await assign(page);
    expect(page.root.find("div", "alert").textContent).toBe(" Odd.");
    for (const [thrown, text] of [
      [new TypeError("Failed to fetch"), "Failed to fetch"],
      ["gone", "gone"],
    ] as const) {
      page.platform.answer = () => {
        throw thrown;
      };
      await assign(page);
      expect(page.root.find("div", "alert").textContent).toBe(
        `UNREACHABLE The gateway did not answer: ${text}.Check that the gateway is running.`,
      );
    }
  });
});
