import { afterEach, describe, expect, it, vi } from "vitest";
import { browserPlatform } from "../../src/console/browser-platform.js";

vi.mock("../../src/console/uplot-chart.js", () => ({ drawChart: () => {} }));
afterEach(() => vi.unstubAllGlobals());

/** Something of the browser that listeners are put on and taken from. */
function target<More extends object>(more: More) {
  const listeners = new Map<string, (event: object) => void>();
  return {
    ...more,
    listeners,
    addEventListener: (name: string, listener: (event: object) => void) => void listeners.set(name, listener),
    removeEventListener: (name: string) => void listeners.delete(name),
  };
}

describe("the platform of the browser", () => {
  it("posts JSON to the gateway's GraphQL", async () => {
    const fetched = vi.fn<typeof fetch>(async () => Response.json({ data: 1 }));
    vi.stubGlobal("fetch", fetched);
    expect(await browserPlatform.post({ documentId: "x" })).toEqual({ data: 1 });
    expect(fetched.mock.calls[0]).toMatchObject(["/graphql", { method: "POST", body: '{"documentId":"x"}' }]);
  });

  it("hears the events of the stream, and its failures", () => {
    const source = target({ close: vi.fn<() => void>() });
    const urls: string[] = [];
    vi.stubGlobal("EventSource", function EventSource(url: string) {
      urls.push(url);
      return source;
    });
    const stream = browserPlatform.openStream();
    const heard: string[] = [];
    stream.onEvent("tick", (data) => heard.push(data));
    stream.onFailure(() => heard.push("failed"));
    source.listeners.get("tick")?.({ data: "{}" });
    source.listeners.get("error")?.({});
    stream.close();
    expect([urls, heard, source.close.mock.calls.length]).toEqual([["/console/events"], ["{}", "failed"], 1]);
  });

  it("calls back after a while, unless it is cancelled", async () => {
    const called = vi.fn<() => void>();
    browserPlatform.after(0, called)();
    await new Promise<void>((resolve) => void browserPlatform.after(1, resolve));
    expect(called).not.toHaveBeenCalled();
  });

  it("tells at once and at each change what it watches", () => {
    const document = target({ visibilityState: "visible", documentElement: {} });
    const scheme = target({});
    let colour = " #123 ";
    vi.stubGlobal("document", document);
    vi.stubGlobal("matchMedia", () => scheme);
    vi.stubGlobal("getComputedStyle", () => ({ getPropertyValue: () => colour }));
    const seen: unknown[] = [];
    const stops = [
      browserPlatform.watchVisible((isVisible) => seen.push(isVisible)),
      browserPlatform.watchColours((colours) => seen.push(colours("--text"))),
    ];
    document.visibilityState = "hidden";
    document.listeners.get("visibilitychange")?.({});
    colour = "#456";
    scheme.listeners.get("change")?.({});
    expect(seen).toEqual([true, "#123", false, "#456"]);
    for (const stop of stops) stop();
    expect([document.listeners.size, scheme.listeners.size]).toEqual([0, 0]);
  });

  it("measures an element in whole pixels", () => {
    let tell = (): void => {};
    const observer = { observe: () => tell(), disconnect: vi.fn<() => void>() };
    vi.stubGlobal("ResizeObserver", function ResizeObserver(callback: () => void) {
      tell = callback;
      return observer;
    });
    vi.stubGlobal("devicePixelRatio", 2);
    const widths: number[] = [];
    browserPlatform.watchWidth({ clientWidth: 320.7 } as Element, (width) => widths.push(width))();
    expect([widths, observer.disconnect.mock.calls.length, browserPlatform.pixelRatio()]).toEqual([[320], 1, 2]);
  });
});
