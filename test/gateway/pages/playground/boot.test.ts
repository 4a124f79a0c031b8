/** The browser's script, run here with substitutes for the browser; test/browser runs it in a real one. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { preparedTabs } from "../../../../src/gateway/pages/playground/tabs.js";

interface Rendered {
  readonly element: unknown;
  readonly options: {
    readonly defaultTabs: readonly { readonly query: string }[];
    readonly shouldPersistHeaders: boolean;
    readonly additionalHeaders: (request?: object) => object;
    readonly storage: Storage;
    onEditQuery(query: string): void;
  };
}

interface Storage {
  readonly length: number;
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
  removeItem(name: string): void;
  clear(): void;
}

/** Like the browser's: stored items are its own properties. */
class KeptStorage {
  [name: `${string}:${string}`]: string;

  getItem(name: `${string}:${string}`): string | null {
    return this[name] ?? null;
  }
  setItem(name: `${string}:${string}`, value: string): void {
    this[name] = value;
  }
  removeItem(name: `${string}:${string}`): void {
    delete this[name];
  }
}

let kept: KeptStorage;
let addresses: string[];
beforeEach(() => {
  vi.resetModules();
  kept = new KeptStorage();
  kept.setItem("graphiql:tabState", "of another program");
  vi.stubGlobal("localStorage", kept);
  addresses = [];
  vi.stubGlobal("history", { replaceState: (_: null, __: string, url: string) => addresses.push(url) });
  vi.stubGlobal("document", { getElementById: (id: string) => (id === "root" ? "element root" : null) });
  const tokens = new Map([["shardgate:token:/", "abc"]]);
  vi.stubGlobal("sessionStorage", { getItem: (name: string) => tokens.get(name) ?? null });
});
afterEach(() => {
  vi.unstubAllGlobals();
  Reflect.deleteProperty(globalThis, "MonacoEnvironment");
});

/** Runs the script on a page with this query string. */
async function boot(search = ""): Promise<Rendered> {
  const rendered: Rendered[] = [];
  vi.stubGlobal("location", { search, pathname: "/graphql" });
  vi.stubGlobal("YogaGraphiQL", {
    renderYogaGraphiQL: (element: unknown, options: Rendered["options"]) => rendered.push({ element, options }),
  });
  await import("../../../../src/gateway/pages/playground/boot.js");
  const [once, ...more] = rendered;
  if (once === undefined || more.length > 0) throw new Error(`Rendered ${rendered.length} times.`);
  return once;
}

describe("the playground's script", () => {
  it("renders GraphiQL with the prepared tabs, and does not store headers and edits", async () => {
    const { element, options } = await boot();
    expect(element).toBe("element root");
    expect(options.defaultTabs).toEqual(preparedTabs);
    expect(options.shouldPersistHeaders).toBe(false);
    expect(options.onEditQuery("{ a }")).toBeUndefined();
    expect(options.additionalHeaders()).toEqual({ authorization: "Bearer abc" });
  });

  it("opens the first tab on the first visit, and later the tab that was open", async () => {
    const { storage } = (await boot()).options;
    expect(storage.getItem("graphiql:query")).toBe(preparedTabs[0]?.query);
    storage.setItem("graphiql:tabState", "{}");
    storage.setItem("graphiql:query", "{ edited }");
    storage.setItem("graphiql:variables", "{}");
    vi.resetModules();
    const later = (await boot()).options.storage;
    expect(["query", "variables"].map((name) => later.getItem(`graphiql:${name}`))).toEqual(["{ edited }", "{}"]);
    expect(addresses).toEqual([]);
  });

  it("opens the query in the page's address, and removes it from there", async () => {
    kept.setItem("shardgate:graphiql:tabState", "{}");
    kept.setItem("shardgate:graphiql:variables", "{}");
    const { options } = await boot("?query=%7B%20__typename%20%7D");
    expect(options.defaultTabs).toEqual([{ query: "{ __typename }" }, ...preparedTabs]);
    expect(options.storage.getItem("graphiql:query")).toBe("{ __typename }");
    expect(options.storage.getItem("graphiql:variables")).toBeNull();
    expect(addresses).toEqual(["/graphql"]);
  });

  it("loads the editor's workers from its own folder", async () => {
    await boot();
    const { MonacoEnvironment } = globalThis as unknown as {
      MonacoEnvironment: { getWorkerUrl(moduleId: string, label: string): string };
    };
    const files = ["graphql", "json", "editorWorkerService"].map((label) =>
      new URL(MonacoEnvironment.getWorkerUrl("workerMain.js", label)).pathname.split("/").at(-1),
    );
    expect(files).toEqual(["graphql.worker.js", "json.worker.js", "editor.worker.js"]);
  });

  it("separates its storage from that of other programs at the same address", async () => {
    const { storage } = (await boot()).options;
    expect([storage.getItem("graphiql:tabState"), storage.length]).toEqual([null, 1]);
    storage.setItem("graphiql:tabState", "ours");
    storage.setItem("graphiql:theme", "dark");
    expect([storage.getItem("graphiql:tabState"), storage.length]).toEqual(["ours", 3]);
    storage.removeItem("graphiql:theme");
    expect(storage.length).toBe(2);
    storage.clear();
    expect({ ...kept }).toEqual({ "graphiql:tabState": "of another program" });
  });
});
