/**
 * The result of `npm pack`, as its users get it: installed into an empty project, without the overrides and the lock
 * file of this repository. The packages that it depends on come from npm's cache if they are there, the others from the
 * registry.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser } from "../support/browser.js";
import { hasChromium } from "../support/chromium.js";
import { walkFirstPages, walkSignedIn } from "../support/first-steps.js";
import { untilReady } from "../support/gateway-calls.js";
import { freePorts, repository, Run, temporaryFolder } from "../support/processes.js";

const folder = temporaryFolder();
const project = path.join(folder.path, "project");
const unpacked = path.join(folder.path, "package");
let tarball: string;

beforeAll(() => {
  // Without its scripts: they would compile dist/ again, while other tests run it.
  const pack = ["pack", "--ignore-scripts", "--pack-destination", folder.path];
  execFileSync("npm", pack, { cwd: repository, stdio: "pipe" });
  tarball = path.join(folder.path, readdirSync(folder.path).find((name) => name.endsWith(".tgz")) ?? "");
  execFileSync("tar", ["-xzf", tarball, "-C", folder.path]);
});
afterAll(() => folder.remove());

it("the package has no source map without its source, and no file that names one", () => {
  const files = readdirSync(unpacked, { recursive: true, encoding: "utf8" });
  expect(files).toEqual(expect.arrayContaining(["README.md", "LICENSE", "dist/cli/main.js", "dist/client/index.d.ts"]));
  const named = files
    .filter((file) => /\.(m?js|css|map)$/.test(file))
    .flatMap((file) => filesNamedIn(path.join(unpacked, file)));
  expect(named.filter((file) => !existsSync(file)).map((file) => path.relative(unpacked, file))).toEqual([]);
});

it("the package has the documentation, with links and pictures that all lead to files in the package", () => {
  const files = readdirSync(unpacked, { recursive: true, encoding: "utf8" });
  const pages = files.filter((file) => file.endsWith(".md"));
  expect(pages).toEqual(expect.arrayContaining(["README.md", "docs/README.md", "docs/tutorial/first-steps.md"]));
  const broken = pages.flatMap((page) => {
    const links = readFileSync(path.join(unpacked, page), "utf8").matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g);
    const names = [...links].map(([, name = ""]) => path.join(path.dirname(page), name));
    return names.filter((name) => !existsSync(path.join(unpacked, name))).map((name) => `${page}: ${name}`);
  });
  expect(broken).toEqual([]);
});

describe("an empty project with the tarball and engine-strict", () => {
  /** Why nothing could be installed, when that is not the package's fault. */
  let cause: string | undefined;
  const dev = (): Run => started ?? expect.fail("dev was not started.");
  let started: Run | undefined;
  let origin: string;

  beforeAll(async () => {
    mkdirSync(project);
    writeFileSync(path.join(project, "package.json"), '{ "private": true, "type": "module" }\n');
    const isHere = process.env["CI"] === undefined;
    const patience = ["--prefer-offline", "--no-audit", "--no-fund", ...(isHere ? ["--fetch-retries=0"] : [])];
    const run = new Run("npm", ["install", "--engine-strict", ...patience, tarball], {}, project);
    if ((await run.ended()) !== 0) {
      cause = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ENOTCACHED)\b/.exec(run.stderr)?.[0];
      if (cause === undefined || !isHere) throw new Error(run.stderr);
      return;
    }
    const [port = 0] = await freePorts(4);
    origin = `http://127.0.0.1:${port}`;
    started = shardgate("dev", "--port", String(port));
    await started.prints(/^ready /m);
  }, 300_000);
  afterAll(async () => void (await started?.stop()));

  function shardgate(...args: readonly string[]): Run {
    return new Run(path.join(project, "node_modules/.bin/shardgate"), args, { SHARDGATE_ENDPOINT: origin }, project);
  }

  function leads(name: string, walk: (browser: Browser) => Promise<void>): void {
    if (!hasChromium) return;
    works(name, async () => {
      const browser = await launchBrowser();
      try {
        await walk(browser);
      } finally {
        await browser.close();
      }
    });
  }

  function works(name: string, test: () => Promise<void>): void {
    it(name, async (context) => {
      if (cause !== undefined) context.skip(`npm's cache lacks a package, and no registry can be reached: ${cause}`);
      await test();
    });
  }

  works("runs everything with one command, its data beside the project's files", async () => {
    const page = await fetch(`${origin}/`, { headers: { accept: "text/html" } });
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(dev().stdout).toContain(`data in ${path.join("data", "node1")}`);
  });

  leads("leads a new user through its pages, in a real browser", (browser) => walkFirstPages(browser, origin));

  leads("leads a user with a token through them", async (browser) => {
    const [port = 0, nodePort = 0] = await freePorts(2);
    const [tokens, secret] = [path.join(project, "tokens.json"), path.join(project, "secret")];
    const drawn = shardgate("token", "ada", "--grant", "read:", "write:user/");
    expect(await drawn.ended()).toBe(0);
    const [token = "", line = ""] = drawn.stdout.split("\n");
    writeFileSync(tokens, `[${line}]`);
    writeFileSync(secret, "0123456789abcdef0123456789abcdef");
    const inCluster = ["--cluster-secret-file", secret];
    const gatewayArgs = ["--port", String(port), "--registry", path.join(project, "registry.json"), "--tokens", tokens];
    const nodeArgs = ["--port", String(nodePort), "--engine", "memory", "--gateway", `http://127.0.0.1:${port}`];
    const gateway = shardgate("gateway", "--shards", "8", ...gatewayArgs, ...inCluster);
    const node = shardgate("node", "--id", "node1", ...nodeArgs, ...inCluster);
    await untilReady(`http://127.0.0.1:${port}`);
    await walkSignedIn(browser, `http://127.0.0.1:${port}`, token);
    await Promise.all([node.stop(), gateway.stop()]);
  });

  works("has the commands", async () => {
    const version = shardgate("--version");
    expect([await version.ended(), version.stdout]).toEqual([0, `${manifest().version}\n`]);
    const put = shardgate("put", "town/Oslo", '{"people": 709037.0}');
    expect(await put.ended(), put.stderr).toBe(0);
    const get = shardgate("get", "town/Oslo");
    expect([await get.ended(), get.stdout]).toEqual([0, '{"people": 709037.0}']);
  });

  works("has the client, whose types need no package beside it", async () => {
    writeFileSync(path.join(project, "main.ts"), program(origin));
    const compilerOptions = { target: "es2023", module: "nodenext", lib: ["es2023", "dom"], types: [], strict: true };
    writeFileSync(path.join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["main.ts"] }));
    const compiler = path.join(repository, "node_modules/.bin/tsc");
    const compiled = new Run(compiler, ["-p", project]);
    expect(await compiled.ended(), compiled.stdout).toBe(0);
    const run = new Run(process.execPath, ["main.js"], {}, project);
    expect([await run.ended(), run.stdout], run.stderr).toEqual([0, "1 written 3\n"]);
  });

  works("has the schema as a file for tools", async () => {
    const schema = createRequire(path.join(project, "main.js")).resolve("shardgate/schema.graphql");
    expect(readFileSync(schema, "utf8")).toContain("scalar Version");
  });
});

function manifest(): { readonly version: string } {
  return JSON.parse(readFileSync(path.join(repository, "package.json"), "utf8")) as { version: string };
}

/** A program in TypeScript, as a user writes one. */
function program(origin: string): string {
  return `import { createClient, orThrow, type Client } from "shardgate/client";

interface Town {
  readonly people: number;
}
const towns: Client<Town> = createClient<Town>({ endpoint: "${origin}/graphql" });
orThrow(await towns.put("town/Lima", { people: 1 }));
const found = await towns.get("town/Lima");
const raised = await towns.update("town/Lima", (town) => ({ people: (town?.people ?? 0) + 2 }));
if (found.kind === "found" && raised.kind === "written") console.log(found.value.people, raised.kind, raised.value.people);
`;
}

/** The source map that a script names, and the sources that a source map names without containing them. */
function filesNamedIn(file: string): readonly string[] {
  const text = readFileSync(file, "utf8");
  const beside = (name: string): string => path.resolve(path.dirname(file), name);
  if (!file.endsWith(".map")) {
    return [...text.matchAll(/[#@] sourceMappingURL=(?!data:)(\S+)/g)].map(([, name = ""]) => beside(name));
  }
  const { sources, sourcesContent } = JSON.parse(text) as { sources: readonly string[]; sourcesContent?: unknown[] };
  return sources.filter((_, index) => typeof sourcesContent?.[index] !== "string").map(beside);
}
