import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { runCli } from "../../../src/cli/program.js";
import { testEnvironment } from "../test-environment.js";
import { persistedDocumentsBytesMax } from "../../../src/cli/options/persisted-documents-option.js";

let folder: string;
let manifest: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "shardgate-persisted-"));
  manifest = join(folder, "persisted-documents.json");
  await writeFile(manifest, '{"known":"{ __typename }"}');
});
afterEach(() => rm(folder, { recursive: true }));

const gateway = ["gateway", "--registry", "memory", "--port", "0"];

/** Runs a gateway while `use` has its origin. */
async function withGateway(options: readonly string[], use: (origin: string) => Promise<void>): Promise<void> {
  const environment = testEnvironment();
  const done = runCli([...gateway, ...options], environment);
  await vi.waitFor(() => expect(environment.written.out).toMatch(/^listening .*\n/));
  try {
    await use(environment.written.out.trim().split(" ")[1] ?? "");
  } finally {
    environment.send("SIGTERM");
    expect(await done).toBe(0);
  }
}

/** Status of a GraphQL request with these parameters. */
async function statusOf(origin: string, params: object): Promise<number> {
  const headers = { "content-type": "application/json", accept: "application/graphql-response+json" };
  return (await fetch(`${origin}/graphql`, { method: "POST", headers, body: JSON.stringify(params) })).status;
}

async function failed(...argv: readonly string[]): Promise<string> {
  const environment = testEnvironment();
  expect(await runCli(argv, environment)).toBe(1);
  expect(environment.written.out).toBe("");
  expect(environment.written.err).toMatch(/^shardgate: [^\n]+\n$/);
  return environment.written.err;
}

describe("gateway --persisted-documents", () => {
  it("runs the documents of the file in addition to any other", async () => {
    await withGateway(["--persisted-documents", manifest], async (origin) => {
      expect(await statusOf(origin, { documentId: "known" })).toBe(200);
      expect(await statusOf(origin, { documentId: "unknown" })).toBe(404);
      expect(await statusOf(origin, { query: "{ __typename }" })).toBe(200);
    });
  });

  it("runs nothing else with --persisted-only, and serves no playground", async () => {
    await withGateway(["--persisted-documents", manifest, "--persisted-only"], async (origin) => {
      expect(await statusOf(origin, { documentId: "known" })).toBe(200);
      expect(await statusOf(origin, { query: "{ __typename }" })).toBe(403);
      const page = await fetch(`${origin}/graphql`, { headers: { accept: "text/html" } });
      expect(page.headers.get("content-type")).not.toContain("text/html");
    });
  });

  it("does not start with a document that cannot be executed, and names it", async () => {
    await writeFile(manifest, '{"known":"{ __typename }","of-old":"{ x }"}');
    expect(await failed(...gateway, "--persisted-documents", manifest)).toBe(
      `shardgate: Cannot use ${manifest}: The document of-old is invalid at 1:3: Cannot query field "x" on type "Query".\n`,
    );
  });

  it("does not start with a file that is missing or too long", async () => {
    const missing = join(folder, "none.json");
    expect(await failed(...gateway, "--persisted-documents", missing)).toContain(`${missing}: it does not exist`);
    await truncate(manifest, persistedDocumentsBytesMax + 1);
    expect(await failed(...gateway, "--persisted-documents", manifest)).toContain("it is longer than");
  });

  it.each(["gateway", "dev"])("is required for %s --persisted-only", async (command) => {
    const environment = testEnvironment();
    expect(await runCli([command, "--persisted-only"], environment)).toBe(2);
    expect(environment.written.err).toBe(
      "shardgate: option '--persisted-only' needs '--persisted-documents <file>'.\n",
    );
  });
});
