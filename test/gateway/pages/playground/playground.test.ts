import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPlayground, type PlaygroundOptions } from "../../../../src/gateway/pages/playground/playground.js";
import { temporaryFolder } from "../../../support/processes.js";

const folder = temporaryFolder();
const built = path.join(folder.path, "built");
const servers: Server[] = [];
const browser = { accept: "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8" };

/** The origin of a server that has a playground and nothing else. */
async function serve(files: string, options: Partial<PlaygroundOptions> = {}): Promise<string> {
  const playground = createPlayground({ hasConsole: true, asksForToken: false, folder: files, ...options });
  const server = createServer((request, response) => {
    if (!playground(request, response)) response.writeHead(404).end("not of the playground");
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

let origin: string;
beforeAll(async () => {
  mkdirSync(built);
  const names = ["graphiql.js", "graphiql.css", "playground.css", "boot.js", "icon.svg"];
  for (const name of names) writeFileSync(path.join(built, `${name}.gz`), gzipSync(name));
  origin = await serve(built);
});
afterAll(async () => {
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  folder.remove();
});

describe("the playground", () => {
  it("is a page without inline script, with a policy that allows only this gateway", async () => {
    const answer = await fetch(`${origin}/graphql?query=%7B__typename%7D`, { headers: browser });
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    });
    const policy = answer.headers.get("content-security-policy") ?? "";
    expect(policy.split("; ")).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
      ]),
    );
    expect(policy).not.toMatch(/unsafe-eval|https?:|\*/);
    expect(policy.split("; ").filter((directive) => directive.includes("'unsafe-inline'"))).toEqual([
      "style-src 'self' 'unsafe-inline'",
    ]);
    const html = await answer.text();
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style| style=| on\w+=/);
  });

  it("serves all files that its page names, with the same policy", async () => {
    const html = await (await fetch(`${origin}/graphql`, { headers: browser })).text();
    const named = [...html.matchAll(/<(?:link|script) .*?(?:src|href)="([^"]+)"/g)].map(([, target = ""]) => target);
    expect(named).toHaveLength(5);
    for (const target of named) {
      const answer = await fetch(new URL(target, `${origin}/graphql`));
      expect(await answer.text()).toBe(path.basename(target));
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
      expect(answer.headers.get("content-security-policy")).toContain("script-src 'self'");
    }
  });

  it("leaves every other request to others", async () => {
    const others: [string, RequestInit][] = [
      ["/graphql", {}],
      ["/graphql", { headers: { accept: "application/json" } }],
      ["/graphql", { method: "POST", headers: browser }],
      ["/graphql/", {}],
      ["/graphql/x", { headers: browser }],
      ["/graphqlx", { headers: browser }],
      ["/", { headers: browser }],
      ["/playground/boot.js", { headers: browser }],
    ];
    for (const [target, request] of others) expect((await fetch(origin + target, request)).status).toBe(404);
  });

  it("refers only to files beside it, wherever a proxy serves it", async () => {
    const html = await (await fetch(`${origin}/graphql`, { headers: browser })).text();
    const targets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, target = ""]) => target);
    expect(targets).toEqual(expect.arrayContaining(["./", "openapi.json"]));
    for (const target of targets) expect(new URL(target, "http://proxy/sg/graphql").pathname).toMatch(/^\/sg\//);
  });

  it("redirects an address that ends with a slash to its own", async () => {
    const answer = await fetch(`${origin}/graphql/?query=%7Ba%7D`, { headers: browser, redirect: "manual" });
    expect([answer.status, answer.headers.get("location")]).toEqual([307, "../graphql?query=%7Ba%7D"]);
  });

  it.each([true, false])("links to the console and asks for a token only if there is one: %s", async (isThere) => {
    const there = await serve(built, { hasConsole: isThere, asksForToken: isThere });
    const html = await (await fetch(`${there}/graphql`, { headers: browser })).text();
    expect([html.includes('href="./"'), html.includes('type="password"')]).toEqual([isThere, isThere]);
  });

  it("explains that it is not built when its files are missing", async () => {
    const without = await serve(path.join(folder.path, "none"));
    const answer = await fetch(`${without}/graphql`, { headers: browser });
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain("npm run build");
    expect((await fetch(`${without}/playground/boot.js`)).status).toBe(404);
  });
});
