/** The way of a new user from a built clone, in a real browser: the first page, the first put, the first query, the first token. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser } from "../support/browser.js";
import { walkFirstPages, walkSignedIn } from "../support/first-steps.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { freePorts, shardgate, temporaryFolder } from "../support/processes.js";

const folder = temporaryFolder();
let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  folder.remove();
});

describe("a new user", () => {
  it("starts shardgate, sees the cluster, writes an entry, reads it and finds it on the first page", async () => {
    const [port = 0] = await freePorts(4);
    const dev = shardgate(["dev", "--port", String(port), "--data", folder.path]);
    const [, origin = ""] = await dev.prints(/^ready (http:\/\/127\.0\.0\.1:\d+)\/graphql$/m);
    await walkFirstPages(browser, origin);
    expect(await dev.stop("SIGINT")).toBe(0);
  });

  it("creates a token, signs in once, and is signed in on both pages", async () => {
    const drawn = shardgate(["token", "ada", "--grant", "read:", "write:user/"]);
    expect(await drawn.ended()).toBe(0);
    const [token = "", line = ""] = drawn.stdout.split("\n");
    const [tokens, secret] = [path.join(folder.path, "tokens.json"), path.join(folder.path, "secret")];
    writeFileSync(tokens, `[${line}]`);
    writeFileSync(secret, "0123456789abcdef0123456789abcdef");
    const cluster = await ProcessCluster.start({
      nodes: 1,
      shards: 8,
      engine: "memory",
      gatewayArgs: ["--tokens", tokens, "--cluster-secret-file", secret],
      nodeArgs: ["--cluster-secret-file", secret],
    });
    await walkSignedIn(browser, cluster.origin, token);
    await cluster.stop();
  });
});
