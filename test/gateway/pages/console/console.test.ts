import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, get, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { consoleTickMs } from "../../../../src/core/limits.js";
import { createConsole, withConsoleDocuments, type Console } from "../../../../src/gateway/pages/console/console.js";
import { RecentTraffic } from "../../../../src/gateway/pages/console/recent-traffic.js";
import { Watchers, consoleBacklogBytesMax } from "../../../../src/gateway/pages/console/watchers.js";
import { parsePersistedDocuments } from "../../../../src/gateway/graphql/request/persisted-documents.js";
import { consoleDocuments, type ClusterEvent, type TickEvent } from "../../../../src/wire/console-events.js";
import { FakeClock, settle } from "../../../support/fake-clock.js";
import { testAccess } from "../../access/callers.js";
import { rawRequest } from "../../rest/raw-request.js";
import { MadeUpCluster } from "./made-up-cluster.js";
import { consoleRecheckMs } from "../../../../src/gateway/pages/console/admission.js";
import { consoleWatchersMax } from "../../../../src/gateway/pages/console/feed.js";

let clock: FakeClock;
let cluster: MadeUpCluster;
let console: Console;
let server: Server;
let origin: string;
let folder: string;

beforeEach(async () => {
  clock = new FakeClock();
  cluster = new MadeUpCluster(clock, 3, 6);
  folder = mkdtempSync(path.join(os.tmpdir(), "shardgate-test-"));
  for (const name of ["console.js", "console.css", "icon.svg"]) {
    writeFileSync(path.join(folder, `${name}.gz`), gzipSync(name));
  }
  await serve(folder);
});

afterEach(async () => {
  await console.close();
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

async function serve(files: string, hasPlayground = true): Promise<void> {
  server?.close();
  console = createConsole(cluster.services(), { traffic: new RecentTraffic(clock), hasPlayground, folder: files });
  server = createServer((request, response) => {
    if (!console.answer(request, response)) response.writeHead(404).end("not the console's");
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An open console, and the events that it received. */
class Watcher {
  readonly response: IncomingMessage;
  text = "";
  isClosed = false;

  static open(): Promise<Watcher> {
    return new Promise((resolve, reject) => {
      get(`${origin}/console/events`, (response) => resolve(new Watcher(response))).on("error", reject);
    });
  }

  private constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding("utf8").on("data", (chunk: string) => (this.text += chunk));
    response.once("close", () => (this.isClosed = true));
    response.on("error", () => {});
  }

  events<Data>(name: string): readonly Data[] {
    const blocks = this.text.split("\n\n").filter((block) => block.startsWith(`event: ${name}\n`));
    return blocks.map((block) => JSON.parse(block.replace(/^event: \w+\ndata: /, "")) as Data);
  }

  get clusters(): readonly ClusterEvent[] {
    return this.events("cluster");
  }

  get ticks(): readonly TickEvent[] {
    return this.events("tick");
  }
}

describe("the console's page", () => {
  it("has a strict content security policy, and names files that exist and may be cached", async () => {
    const page = await rawRequest(origin, "/");
    expect(page.status).toBe(200);
    expect(page.headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "content-security-policy":
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    });
    const files = [...page.text.matchAll(/(?:src|href)="(\?console\/[^"]+)"/g)].map((match) => match[1] ?? "");
    expect(files.map((file) => path.basename(file))).toEqual(["icon.svg", "console.css", "console.js"]);
    for (const file of files) {
      const answer = await rawRequest(origin, `/${file}`);
      expect(answer).toMatchObject({ status: 200, text: path.basename(file) });
      expect(answer.headers["cache-control"]).toContain("immutable");
    }
    expect(page.text).not.toMatch(/https?:/);
  });

  it.each(["/sg", "/sg/"])("names the same files when a proxy serves it at %s", async (address) => {
    const { text } = await rawRequest(origin, "/");
    const named = [...text.matchAll(/<(?:link|script) .*?(?:src|href)="([^"]+)"/g)].map(([, target = ""]) => target);
    expect(named).toHaveLength(3);
    for (const target of named) {
      const { pathname, search } = new URL(target, `http://proxy${address}`);
      expect(pathname).toBe(address);
      expect((await rawRequest(origin, `/${search}`)).text).toBe(path.basename(target));
    }
  });

  it("tells its script whether there is a playground, and whether callers need a token", async () => {
    const facts = async () => /<div id="console" (.*)><\/div>/.exec((await rawRequest(origin, "/")).text)?.[1];
    expect(await facts()).toBe('data-playground="true" data-asks-for-token="false"');
    cluster.access = testAccess();
    await serve(folder, false);
    expect(await facts()).toBe('data-playground="false" data-asks-for-token="true"');
  });

  it("explains that it is not built when its files are missing", async () => {
    await serve(path.join(folder, "nothing"));
    const page = await rawRequest(origin, "/");
    expect(page.status).toBe(503);
    expect(page.text).toContain("The console is not built");
    expect(page.text).toContain('href="graphql"');
    expect((await rawRequest(origin, "/console/x")).status).toBe(404);
  });

  it("answers HEAD without a body, and leaves other methods and paths alone", async () => {
    expect(await rawRequest(origin, "/", { method: "HEAD" })).toMatchObject({ status: 200, text: "" });
    expect((await rawRequest(origin, "/?x=1")).status).toBe(200);
    for (const [method, target] of [
      ["POST", "/"],
      ["POST", "/console/events"],
      ["GET", "/console"],
      ["GET", "/shards"],
    ] as const) {
      expect((await rawRequest(origin, target, { method })).text).toBe("not the console's");
    }
  });
});

describe("GET /console/events", () => {
  it("begins with the whole state, and continues with a tick each second", async () => {
    await clock.advance(5_000);
    const watcher = await Watcher.open();
    expect(watcher.response.headers).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
    });
    await vi.waitFor(() => expect(watcher.ticks).toHaveLength(1));
    expect(watcher.text).toMatch(/^retry: 1000\n\n/);
    expect(watcher.clusters[0]).toMatchObject({ mapVersion: 1, states: "AAAAAA", owners: [0, 1, 2, 0, 1, 2] });
    expect(watcher.ticks[0]?.seconds).toHaveLength(5);
    await clock.advance(consoleTickMs);
    await vi.waitFor(() => expect(watcher.ticks).toHaveLength(2));
    expect(watcher.ticks[1]?.seconds).toHaveLength(1);
    expect(watcher.ticks[1]?.nodes[0]).toEqual(["UP", 200, 20, 2_000, null, null, "lmdb", null]);
    expect(watcher.clusters).toHaveLength(1);
  });

  it("sends the cluster again when something in it changed", async () => {
    const watcher = await Watcher.open();
    cluster.give(0, null);
    await clock.advance(consoleTickMs);
    await vi.waitFor(() => expect(watcher.clusters).toHaveLength(2));
    expect(watcher.clusters[1]).toMatchObject({ mapVersion: 2, states: "NAAAAA" });
    cluster.states.set("node002", "DOWN");
    await clock.advance(consoleTickMs);
    await vi.waitFor(() => expect(watcher.clusters).toHaveLength(3));
    expect(watcher.clusters[2]).toMatchObject({ mapVersion: 2, states: "NUAAUA" });
  });

  it("runs nothing while no console is open", async () => {
    expect(clock.pendingTimers).toBe(0);
    await clock.advance(10_000);
    expect(cluster.asked).toEqual([]);
    const first = await Watcher.open();
    const second = await Watcher.open();
    await settle();
    expect(cluster.asked).toHaveLength(3);
    first.response.destroy();
    await vi.waitFor(() => expect(first.isClosed).toBe(true));
    await clock.advance(consoleTickMs);
    await vi.waitFor(() => expect(second.ticks.length).toBeGreaterThan(1));
    second.response.destroy();
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(0));
    const asked = cluster.asked.length;
    await clock.advance(60_000);
    expect(cluster.asked).toHaveLength(asked);
    const third = await Watcher.open();
    await vi.waitFor(() => expect(third.ticks).toHaveLength(1));
    expect(third.ticks[0]?.seconds.length).toBeGreaterThan(60);
  });

  it("refuses a console beyond the maximum", async () => {
    const watchers = await Promise.all(Array.from({ length: consoleWatchersMax }, () => Watcher.open()));
    const refused = await rawRequest(origin, "/console/events");
    expect(refused.json()).toMatchObject({
      code: "OVERLOADED",
      detail: expect.stringContaining("50 consoles are open already"),
    });
    watchers[0]?.response.destroy();
    await vi.waitFor(async () => {
      const watcher = await Watcher.open();
      expect(watcher.response.statusCode).toBe(200);
    });
  });

  it("ends all streams when it closes", async () => {
    const watcher = await Watcher.open();
    await console.close();
    await vi.waitFor(() => expect(watcher.isClosed).toBe(true));
    expect(watcher.response.complete).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("Watchers", () => {
  it("disconnects a client that does not keep up, and keeps sending to the others", async () => {
    const fakeResponse = (writableLength: number) => {
      const told: string[] = [];
      const response = {
        writableLength,
        isDestroyed: false,
        told,
        writeHead() {},
        once() {},
        write: (text: string) => told.push(text),
        destroy() {
          response.isDestroyed = true;
        },
      };
      return response;
    };
    const [slow, quick] = [fakeResponse(consoleBacklogBytesMax + 1), fakeResponse(0)];
    const watchers = new Watchers(() => {});
    for (const response of [slow, quick]) watchers.add(response as never, "hello");
    watchers.broadcast("news");
    expect([slow.isDestroyed, slow.told.length]).toEqual([true, 1]);
    expect([quick.isDestroyed, quick.told.at(-1)]).toEqual([false, "news"]);
  });
});

describe("the persisted documents of the console", () => {
  it("are valid", () => {
    expect(parsePersistedDocuments(JSON.stringify(consoleDocuments)).size).toBeGreaterThan(2);
  });

  it("are added to others, even when no others are accepted", () => {
    expect(withConsoleDocuments(null)).toMatchObject({ isOnly: false });
    const { texts, isOnly } = withConsoleDocuments({ texts: new Map([["a", "{ __typename }"]]), isOnly: true });
    expect(isOnly).toBe(true);
    expect([...texts.keys()]).toEqual(["a", "console/find", "console/shard", "console/assign"]);
  });
});

describe("GET /console/events, on a gateway with authentication", () => {
  const open = (kind: string) =>
    rawRequest(origin, "/console/events", { headers: { authorization: `Bearer ${kind}` } });

  it("is for callers who may read cluster data", async () => {
    cluster.access = testAccess();
    await serve(folder);
    expect((await rawRequest(origin, "/console/events")).json()).toMatchObject({ code: "UNAUTHENTICATED" });
    expect(await open("wrong")).toMatchObject({ status: 401, headers: { "www-authenticate": "Bearer" } });
    expect((await open("readPrefix")).json()).toMatchObject({ code: "FORBIDDEN" });
    expect((await rawRequest(origin, "/")).status).toBe(200);
  });

  it("ends soon after the token is revoked, and not before", async () => {
    const access = testAccess();
    cluster.access = access;
    await serve(folder);
    let isOver = false;
    const stream = open("readAll").finally(() => (isOver = true));
    await vi.waitFor(() => expect(clock.pendingTimers).toBeGreaterThan(1));
    await clock.advance(2 * consoleRecheckMs);
    expect(isOver).toBe(false);
    access.revoked.add("readAll");
    await clock.advance(consoleRecheckMs);
    expect((await stream).text).toContain("event: cluster");
  });

  it("masks an unexpected error", async () => {
    cluster.access = { ...testAccess(), callerOf: () => Promise.reject(new Error("a bug")) };
    await serve(folder);
    const answer = await open("readAll");
    expect(answer.json()).toMatchObject({ code: "INTERNAL_SERVER_ERROR" });
    expect(answer.text).not.toContain("a bug");
  });
});
