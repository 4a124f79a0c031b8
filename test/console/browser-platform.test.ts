import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { browserPlatform } from "../../src/console/browser-platform.js";

vi.mock("../../src/console/uplot-chart.js", () => ({ drawChart: () => {} }));
const storage = new Map<string, string>();
beforeEach(() => {
  storage.clear();
  vi.stubGlobal("sessionStorage", {
    getItem: (name: string) => storage.get(name) ?? null,
    setItem: (name: string, value: string) => void storage.set(name, value),
    removeItem: (name: string) => void storage.delete(name),
  });
  vi.stubGlobal("location", { pathname: "/sg/" });
});
afterEach(() => vi.unstubAllGlobals());

/** An object of the browser to which listeners are added. */
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
  it("posts JSON to the GraphQL route beside its page", async () => {
    const fetched = vi.fn<typeof fetch>(async () => Response.json({ data: 1 }));
    vi.stubGlobal("fetch", fetched);
    expect(await browserPlatform.post({ documentId: "x" })).toEqual({ data: 1 });
    expect(fetched.mock.calls[0]).toMatchObject(["graphql", { method: "POST", body: '{"documentId":"x"}' }]);
  });

  /** The rest of a stream that the test has not sent yet. */
  function streaming() {
    const encoder = new TextEncoder();
    let controller: ReadableStreamDefaultController<Uint8Array> | null = null;
    const body = new ReadableStream<Uint8Array>({ start: (begun) => void (controller = begun) });
    return { body, send: (text: string) => controller?.enqueue(encoder.encode(text)), end: () => controller?.close() };
  }

  /** An opened stream, with its events and its end. */
  function opened() {
    const heard: unknown[] = [];
    const stream = browserPlatform.openStream();
    stream.onEvent("tick", (data) => heard.push(data));
    stream.onFailure((problem) => heard.push(problem));
    return { stream, heard };
  }

  it("passes on the events of the stream, and its end", async () => {
    const { body, send, end } = streaming();
    const fetched = vi.fn<typeof fetch>(async () => new Response(body));
    vi.stubGlobal("fetch", fetched);
    const { heard } = opened();
    send("event: tick\ndata: {}\n\nevent: other\ndata: 1\n\n");
    await vi.waitFor(() => expect(heard).toEqual(["{}"]));
    end();
    await vi.waitFor(() => expect(heard).toEqual(["{}", null]));
    expect(fetched.mock.calls[0]?.[0]).toBe("console/events");
    expect(fetched.mock.calls[0]?.[1]?.headers).toEqual({});
  });

  it("passes on the same events wherever the stream's bytes are split", async () => {
    const text =
      'retry: 1000\n\nevent: other\ndata: {"a":1}\n\n: a comment\n\nevent: tick\ndata: {"b":"é event: x"}\n\nevent: ti';
    const bytes = new TextEncoder().encode(text);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(bytes.subarray(0, cut));
          controller.enqueue(bytes.subarray(cut));
          controller.close();
        },
      });
      vi.stubGlobal("fetch", async () => new Response(body));
      const { heard, stream } = opened();
      await new Promise(stream.onFailure);
      expect(heard).toEqual(['{"b":"é event: x"}', null]);
    }
  });

  it("accepts events in every form that the standard allows", async () => {
    const { body, send } = streaming();
    vi.stubGlobal("fetch", async () => new Response(body));
    const { heard } = opened();
    send(
      "event:tick\r\ndata:1\r\n\r\ndata: a\nid: 7\ndata: b\nevent: tick\n\ndata: of no name\n\nevent: tick\ndata\n\n",
    );
    await vi.waitFor(() => expect(heard).toEqual(["1", "a\nb", ""]));
  });

  it("ends the stream when it is closed, and reports when there is none", async () => {
    vi.stubGlobal("fetch", async (_url: string, { signal }: RequestInit) => {
      await new Promise((resolve) => signal?.addEventListener("abort", resolve));
      throw new Error("aborted");
    });
    const closed = opened();
    closed.stream.close();
    await vi.waitFor(() => expect(closed.heard).toEqual([null]));
    vi.stubGlobal("fetch", async () => new Response("", { status: 503 }));
    const busy = opened();
    await vi.waitFor(() => expect(busy.heard).toEqual([null]));
  });

  it("reports why there is no stream if the gateway sends a reason", async () => {
    vi.stubGlobal("fetch", async () => Response.json({ code: "OVERLOADED", detail: "Later." }, { status: 503 }));
    const { heard } = opened();
    await vi.waitFor(() => expect(heard).toMatchObject([{ code: "OVERLOADED", message: "Later." }]));
  });

  it("reports why the gateway refuses the stream, and sends a new token", async () => {
    const headers: unknown[] = [];
    vi.stubGlobal("fetch", async (_url: string, init: RequestInit) => {
      headers.push(init.headers);
      return Response.json({ code: "UNAUTHENTICATED", detail: "No." }, { status: 401 });
    });
    const { heard } = opened();
    await vi.waitFor(() => expect(heard).toMatchObject([{ code: "UNAUTHENTICATED", message: "No." }]));
    browserPlatform.keepToken("abc");
    opened();
    await browserPlatform.post({});
    expect(headers.slice(1)).toMatchObject([{ authorization: "Bearer abc" }, { authorization: "Bearer abc" }]);
    expect([...storage]).toEqual([["shardgate:token:/sg/", "abc"]]);
    expect(browserPlatform.hasToken()).toBe(true);
    browserPlatform.keepToken(null);
    expect([browserPlatform.hasToken(), storage.size]).toEqual([false, 0]);
  });

  it("opens another tab with the gateway's answer to a GET with the token", async () => {
    browserPlatform.keepToken("abc");
    const shown: Blob[] = [];
    const shownAt: string[] = [];
    vi.stubGlobal("open", () => ({ location: { assign: (url: string) => shownAt.push(url) } }));
    vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => `blob:${shown.push(blob as Blob)}`);
    const fetched = vi.fn<typeof fetch>(async () => new Response("shardgate_up 1"));
    vi.stubGlobal("fetch", fetched);
    browserPlatform.openWithToken("metrics");
    await vi.waitFor(() => expect(shownAt).toEqual(["blob:1"]));
    expect(fetched.mock.calls[0]).toMatchObject(["metrics", { headers: { authorization: "Bearer abc" } }]);
    vi.stubGlobal("fetch", async () => {
      throw new TypeError("gone");
    });
    // A browser that opens no tab shows it in this one.
    vi.stubGlobal("open", () => null);
    vi.stubGlobal("location", { pathname: "/sg/", assign: (url: string) => shownAt.push(url) });
    browserPlatform.openWithToken("metrics");
    await vi.waitFor(() => expect(shownAt).toEqual(["blob:1", "blob:2"]));
    expect(await Promise.all(shown.map((blob) => blob.text()))).toEqual([
      "shardgate_up 1",
      "The gateway did not answer.",
    ]);
    vi.restoreAllMocks();
  });

  it("calls back after a delay, unless it is cancelled", async () => {
    const called = vi.fn<() => void>();
    browserPlatform.after(0, called)();
    await new Promise<void>((resolve) => void browserPlatform.after(1, resolve));
    expect(called).not.toHaveBeenCalled();
  });

  it("calls its watchers at once and at each change", () => {
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
