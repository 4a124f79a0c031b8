/**
 * Starts GraphiQL. This file runs in the browser, after graphiql.js and beside the files of the build; no other file of
 * the gateway imports it.
 */
import { preparedTabs } from "./tabs.js";
import { startTokenForm, tokenHeaders, type TokenPage } from "./token-form.js";

/** The parts of the browser and of graphiql.js that are used here. */
interface Page extends TokenPage {
  readonly location: TokenPage["location"] & { readonly search: string };
  readonly history: { replaceState(state: null, title: string, url: string): void };
  readonly localStorage: BrowserStorage;
  readonly YogaGraphiQL: { renderYogaGraphiQL(element: unknown, options: object): void };
  MonacoEnvironment?: { readonly getWorkerUrl: (moduleId: string, label: string) => string };
}

type BrowserStorage = TokenPage["sessionStorage"];

const page = globalThis as unknown as Page;
const workers: Readonly<Record<string, string>> = { graphql: "graphql.worker.js", json: "json.worker.js" };

page.MonacoEnvironment = {
  getWorkerUrl: (_moduleId, label) => new URL(workers[label] ?? "editor.worker.js", import.meta.url).href,
};
const storage = ownStorage(page.localStorage);
const tabs = tabsToOpen();
page.YogaGraphiQL.renderYogaGraphiQL(page.document.getElementById("root"), {
  additionalHeaders: tokenHeaders(page),
  defaultTabs: tabs,
  storage,
  // Headers may contain tokens; these are lost with the page.
  shouldPersistHeaders: false,
  // Otherwise each edit would change the page's address, which servers accept only up to 16 KiB.
  onEditQuery: () => {},
});
startTokenForm(page);

/**
 * The tabs of a first visit; later visits restore the tabs as they were. A query in the page's address gets a tab and
 * is removed from the address. GraphiQL opens the tab with the query that it stored last, which it does only after an
 * edit.
 */
function tabsToOpen(): typeof preparedTabs {
  const asked = new URLSearchParams(page.location.search).get("query");
  if (asked !== null) page.history.replaceState(null, "", page.location.pathname);
  const tabs: typeof preparedTabs = asked === null ? preparedTabs : [{ query: asked }, ...preparedTabs];
  if (asked !== null || storage.getItem("graphiql:tabState") === null) {
    storage.setItem("graphiql:query", tabs[0].query);
    storage.removeItem("graphiql:variables");
  }
  return tabs;
}

interface OwnStorage extends BrowserStorage {
  readonly length: number;
  clear(): void;
}

/**
 * A storage separate from that of other programs that were served from the same host and port, other GraphiQLs above
 * all.
 */
function ownStorage(storage: BrowserStorage): OwnStorage {
  const prefix = "shardgate:";
  const ownNames = (): readonly string[] => Object.keys(storage).filter((name) => name.startsWith(prefix));
  return {
    get length() {
      return ownNames().length;
    },
    getItem: (name) => storage.getItem(prefix + name),
    setItem: (name, value) => storage.setItem(prefix + name, value),
    removeItem: (name) => storage.removeItem(prefix + name),
    clear: () => {
      for (const name of ownNames()) storage.removeItem(name);
    },
  };
}
