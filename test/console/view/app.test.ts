import { h } from "preact";
import { afterEach, describe, expect, it, vi } from "vitest";
import { App, type AppProps } from "../../../src/console/view/app.js";
import { rendered, type Rendered } from "../rendered.js";
import { clusterOf, downRow, tickOf, upRow } from "../samples.js";

afterEach(() => vi.unstubAllGlobals());

const second = (index: number, requests: number): readonly [number, number, number, number] => [
  1_000_000 + index * 1_000,
  requests,
  2,
  30,
];

const openFaces: AppProps = { hasPlayground: true, asksForToken: false };
const refusal = (code: string) => ({ code, message: `It says ${code}.`, advice: "Send a header." });

async function opened(faces = openFaces): Promise<Rendered> {
  const page = await rendered(h(App, faces));
  await page.act(() => {
    page.platform.stream.send("cluster", clusterOf(3, 12));
    page.platform.stream.send("tick", tickOf([upRow, upRow, upRow], [second(0, 5), second(1, 70)]));
  });
  return page;
}

const slider = ({ root }: Rendered) => root.find("div", "slider");
const alerts = ({ root }: Rendered) => root.findAll("p", "alert").map(({ textContent }) => textContent);

describe("the console", () => {
  it("shows nothing of a cluster before its first event", async () => {
    const page = await rendered(h(App, openFaces));
    expect(page.root.find("p", "status").textContent).toBe("Connecting to the gateway…");
    expect(page.root.textContent).not.toMatch(/No storage node|No shards|0 . 0|0 of 0|stale|version|empty/);
    expect(page.root.findAll("canvas")).toEqual([]);
    await page.act(() => page.platform.stream.fail());
    expect(alerts(page)).toEqual(["The gateway does not answer. Trying again every second."]);
    await page.act(() => page.platform.clock.advance(1_000));
    await page.act(() => page.platform.stream.fail({ code: "OVERLOADED", message: "Too many.", advice: "" }));
    expect(alerts(page)).toEqual(["The gateway sends no events. Trying again every second."]);
    expect(page.root.find("div", "alert").textContent).toBe("OVERLOADED Too many.");
    await page.act(() => page.platform.clock.advance(1_000));
    await page.act(() => page.platform.stream.send("cluster", clusterOf(3, 12)));
    expect(alerts(page)).toEqual([]);
    expect(page.root.textContent).toContain("version 7");
  });

  it("says what to do when no storage node has registered yet", async () => {
    const page = await rendered(h(App, openFaces));
    await page.act(() => page.platform.stream.send("cluster", clusterOf(0, 12)));
    expect(page.root.textContent).toContain("empty No storage node has registered yet.");
    expect(page.root.textContent).toContain("Start one with shardgate node --gateway");
    expect(page.root.textContent).toContain("0 unavailable, 12 unassigned");
    const filtered = await opened();
    await filtered.act(() => filtered.root.find("input", "search").enter("node9"));
    expect(filtered.root.textContent).toContain("No storage node matches the filter.");
  });

  it("lists the gateways when there are several, with which of them leads and which is silent", async () => {
    const page = await opened();
    expect(page.root.textContent).not.toContain("Gateways");
    const leader = ["g1:4000", "http://g1:4000", true, 9, 0] as const;
    const others = [
      ["g2:4000", null, false, 8, 900],
      [null, "http://g3:4000", false, 9, 42_500],
    ] as const;
    await page.act(() => {
      page.platform.stream.send("tick", { ...tickOf([upRow, upRow, upRow]), gateways: [leader, ...others] });
    });
    const table = page.root.findAll("table").find(({ textContent }) => textContent.includes("Role"));
    const rows = table?.findAll("tr").slice(1) ?? [];
    expect(rows.map((row) => row.findAll("td").map(({ textContent }) => textContent))).toEqual([
      ["leader", "9", "now"],
      ["follower", "8", "now"],
      ["follower", "9", "42 s ago"],
    ]);
    expect(rows.map((row) => row.find("th").textContent)).toEqual(["g1:4000", "g2:4000", "http://g3:4000"]);
  });

  it("shows the cluster in figures after its first event", async () => {
    const page = await opened();
    const text = page.root.textContent;
    expect(alerts(page)).toEqual([]);
    for (const part of [
      "healthy",
      "version 7",
      "3 / 3",
      "12 / 12",
      "none missing",
      "30",
      "2.93 KiB",
      "70",
      "p99 30 ms",
    ]) {
      expect(text).toContain(part);
    }
    expect(page.root.find("p", "live").textContent).toBe(" live");
    expect(page.platform.charts.map(({ data }) => data?.lines[0]?.values)).toEqual([
      [5, 70],
      [2, 2],
    ]);
  });

  it("highlights a storage node that is down, and what that means", async () => {
    const page = await opened();
    await page.act(() => {
      page.platform.stream.send("cluster", clusterOf(3, 12, { states: "UAAUAAUAAUAA" }));
      page.platform.stream.send("tick", tickOf([downRow, upRow, upRow]));
    });
    const row = page.root.find("tr", "node1");
    expect(row.textContent).toContain("✕ DOWN");
    expect(row.textContent).toContain("42 s ago");
    expect(page.root.textContent).toContain("failing 4 shards unavailable.");
    expect(page.root.textContent).toContain("4 unavailable, 0 unassigned");
    expect(page.root.textContent).toContain("at least");
  });

  it("is outdated when the stream stops, and live again when it resumes", async () => {
    const page = await opened();
    await page.act(() => page.platform.clock.advance(3_500));
    expect(alerts(page)).toEqual([expect.stringContaining("These data are out of date")]);
    expect(page.root.find("div", /is-stale/).textContent).toContain("node1");
    await page.act(() => page.platform.clock.advance(1_000));
    await page.act(() => page.platform.stream.fail({ code: "DRAINING", message: "It is stopping.", advice: "" }));
    expect(alerts(page)).toEqual([expect.stringMatching(/^It is stopping\. These data are out of date/)]);
    await page.act(() => page.platform.clock.advance(1_000));
    expect(page.platform.streams).toHaveLength(3);
    await page.act(() => page.platform.stream.send("tick", tickOf([upRow, upRow, upRow], [second(2, 9)])));
    expect(alerts(page)).toEqual([]);
  });

  it("shows only the sign-in form when the gateway requires a token, and the cluster once the token is accepted", async () => {
    const page = await rendered(h(App, { hasPlayground: true, asksForToken: true }));
    const links = () => page.root.findAll("a").map(({ textContent }) => textContent);
    await page.act(() => page.platform.stream.fail(refusal("UNAUTHENTICATED")));
    const form = () => page.root.findAll("section", "token-title")[0];
    expect(page.root.find("main").textContent).toBe(form()?.textContent);
    expect(form()?.textContent).not.toContain("UNAUTHENTICATED");
    expect(form()?.find("input").attribute("type")).toBe("password");
    expect(links()).toEqual(["Playground", "REST"]);
    const signIn = async (token: string): Promise<void> => {
      await page.act(() => form()?.find("input").enter(token));
      await page.act(() => form()?.find("form").fire("submit"));
    };
    await signIn(" wrong ");
    expect([page.platform.tokens, page.platform.streams.length]).toEqual([["wrong"], 2]);
    await page.act(() => page.platform.stream.fail(refusal("UNAUTHENTICATED")));
    expect(form()?.find("div", "alert").textContent).toBe(
      "UNAUTHENTICATED The gateway does not accept this token.It may be mistyped, expired or revoked.",
    );
    await signIn("narrow");
    await page.act(() => page.platform.stream.fail(refusal("FORBIDDEN")));
    expect(form()?.find("div", "alert").textContent).toContain(
      "FORBIDDEN This token does not permit reading cluster data.",
    );
    await signIn("right");
    await page.act(() => page.platform.stream.send("cluster", clusterOf(3, 12)));
    expect(form()).toBeUndefined();
    expect(page.root.textContent).toContain("version 7");
    expect(links()).toEqual(["Playground", "REST", "Metrics"]);
  });

  it("shows nothing of the cluster once the gateway refuses a token that it accepted before", async () => {
    const page = await opened({ hasPlayground: true, asksForToken: true });
    await page.act(() => page.platform.keepToken("expired"));
    await page.act(() => page.platform.stream.fail(refusal("UNAUTHENTICATED")));
    expect(page.root.find("section", "token-title").textContent).toContain("does not accept this token");
    expect(page.root.textContent).not.toContain("node1");
    expect(page.root.textContent).not.toContain("healthy");
  });

  it("forgets token and cluster when its user signs out", async () => {
    const page = await opened({ hasPlayground: true, asksForToken: true });
    await page.act(() => page.root.find("button", "Sign out").fire("click"));
    expect([page.platform.tokens, page.platform.streams.length]).toEqual([[null], 2]);
    expect(page.platform.streams[0]?.isClosed).toBe(true);
    expect(page.root.textContent).not.toContain("node1");
    expect(page.root.textContent).toContain("Connecting to the gateway…");
  });

  it("links only to pages that exist and are accessible, and to the metrics with the token", async () => {
    const open = await opened({ hasPlayground: false, asksForToken: false });
    expect(open.root.findAll("a").map((link) => link.attribute("href"))).toEqual(["openapi.json", "metrics"]);
    expect(open.root.findAll("button", "Sign out")).toEqual([]);
    const prevented = vi.fn<() => void>();
    await open.act(() => open.root.find("a", "metrics").fire("click", { preventDefault: prevented }));
    expect([prevented.mock.calls.length, open.platform.openedWithToken]).toEqual([0, []]);
    const closed = await opened({ hasPlayground: true, asksForToken: true });
    await closed.act(() => closed.root.find("a", "metrics").fire("click", { preventDefault: prevented }));
    expect([prevented.mock.calls.length, closed.platform.openedWithToken]).toEqual([1, ["metrics"]]);
  });

  it("receives nothing while its page is hidden, nor after it is closed", async () => {
    const page = await opened();
    await page.act(() => page.platform.showPage(false));
    expect(page.platform.stream.isClosed).toBe(true);
    await page.act(() => page.platform.showPage(true));
    expect(page.platform.streams).toHaveLength(2);
    await page.remove();
    expect(page.platform.stream.isClosed).toBe(true);
    expect(page.platform.charts.every(({ isDestroyed }) => isDestroyed)).toBe(true);
  });

  it("selects a shard with the keyboard, with the pointer and by its number", async () => {
    const page = await opened();
    expect(slider(page).attribute("aria-valuetext")).toBe("shard 0: active, on node1 (A), epoch 1");
    await page.act(() => slider(page).fire("keydown", { key: "End" }));
    expect(slider(page).attribute("aria-valuenow")).toBe("11");
    await page.act(() => slider(page).fire("keydown", { key: "ArrowLeft" }));
    await page.act(() => slider(page).fire("keydown", { key: "a" }));
    await page.act(() => slider(page).fire("keydown", { key: "ArrowLeft", altKey: true }));
    expect(slider(page).attribute("aria-valuetext")).toContain("shard 10: active, on node2 (B)");
    await page.act(() => slider(page).fire("click", { offsetX: 60, offsetY: 10 }));
    expect(slider(page).attribute("aria-valuenow")).toBe("1");
    await page.act(() => slider(page).fire("click", { offsetX: 60, offsetY: 900 }));
    expect(slider(page).attribute("aria-valuenow")).toBe("1");
    await page.act(() => page.root.find("input", "Number of the shard").enter("5"));
    expect(slider(page).attribute("aria-valuenow")).toBe("5");
    await page.act(() => page.root.find("input", "Number of the shard").enter("500"));
    await page.act(() => page.root.find("input", "Number of the shard").enter(""));
    expect(slider(page).attribute("aria-valuenow")).toBe("5");
    await page.act(() => page.root.find("div", "grid").fire("click", { offsetX: 790, offsetY: 30 }));
    expect(slider(page).attribute("aria-valuenow")).toBe("11");
    await page.act(() => page.root.find("div", "grid").fire("click", { offsetX: 10, offsetY: 30 }));
    expect(slider(page).attribute("aria-valuenow")).toBe("11");
    expect(slider(page).find("span", "selection").style["left"]).toMatch(/^\d+(\.\d+)?px$/);
    expect(page.platform.posted).toEqual([]);
    await page.act(() => page.platform.clock.advance(200));
    expect(page.platform.posted).toEqual([{ documentId: "console/shard", variables: { number: 11 } }]);
  });

  it("describes the shard under the pointer", async () => {
    const page = await opened();
    const told = () => page.root.findAll("p", /shard \d+: /).map(({ textContent }) => textContent.slice(0, 8));
    await page.act(() => slider(page).fire("pointermove", { offsetX: 60, offsetY: 10 }));
    expect(told()).toEqual(["shard 1:"]);
    await page.act(() => slider(page).fire("pointerleave"));
    await page.act(() => page.root.find("div", "grid").fire("pointermove", { offsetX: 790, offsetY: 30 }));
    expect(told()).toEqual(["shard 0:", "shard 11"]);
    await page.act(() => page.root.find("div", "grid").fire("pointerleave"));
    expect(told()).toEqual(["shard 0:"]);
  });

  it("highlights the shards of a storage node", async () => {
    const page = await opened();
    const name = () => page.root.find("button", /node2/);
    const drawnPale = () => {
      const pen = page.root.findAll("canvas")[0]?.getContext();
      const last = pen?.strokes.slice(pen.strokes.findLastIndex((stroke) => stroke.name === "clearRect")) ?? [];
      return last.filter((stroke) => stroke.name === "fillRect" && stroke.globalAlpha === 0.22).length;
    };
    await page.act(() => name().fire("click"));
    expect(name().attribute("aria-pressed")).toBe("true");
    expect(drawnPale()).toBe(8);
    await page.act(() => name().fire("click"));
    expect(name().attribute("aria-pressed")).toBe("false");
    expect(drawnPale()).toBe(0);
  });

  it("redraws in other colours, and not at all without a width", async () => {
    const page = await opened();
    await page.act(() => page.platform.changeColours());
    expect(page.platform.charts).toHaveLength(3);
    page.platform.width = 0;
    const narrow = await rendered(h(App, openFaces), page.platform);
    expect(narrow.root.findAll("canvas").flatMap((canvas) => canvas.getContext()?.strokes ?? [])).toEqual([]);
  });

  it("shows a dozen storage nodes in its legend, and counts the others", async () => {
    const page = await rendered(h(App, openFaces));
    await page.act(() => page.platform.stream.send("cluster", clusterOf(300, 4096, { name: "large" })));
    expect(page.root.find("ul", /unavailable/).findAll("li")).toHaveLength(15);
    expect(page.root.textContent).toContain("and 288 more");
    expect(page.root.find("h1").textContent).toBe("shardgate large");
    expect(page.root.textContent).toContain("Each owns between 13 and 14 shards.");
    expect(page.root.findAll("canvas")).toHaveLength(2);
    expect(page.root.all.length).toBeLessThan(7_000);
  });
});
