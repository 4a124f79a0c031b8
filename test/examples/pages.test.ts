/** Runs what the pages of examples/ have beside the start of each example, which the example's own test runs. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CommandPlace } from "../support/command-place.js";
import { isStart } from "../support/example.js";
import { graphqlData } from "../support/gateway-calls.js";
import { examplesIn, type Example } from "../support/markdown-examples.js";
import { repository, shardgate, type Run } from "../support/processes.js";

const folder = path.join(repository, "examples");
const names = readdirSync(folder).filter((name) => existsSync(path.join(folder, name, "README.md")));
const pages = ["examples/README.md", ...names.map((name) => `examples/${name}/README.md`)];
const blocks = pages.flatMap((page) => examplesIn(page).map((example) => ({ page, example })));
const others = blocks.filter(({ example }) => !isStart(example.code));

let place: CommandPlace;
let dev: Run;
beforeAll(async () => {
  place = await CommandPlace.open();
  // Prometheus takes a file that is there; what is in it is held against the metrics by another test.
  place.write("bin/prometheus", '#!/bin/sh\n[ -f "${1#--config.file=}" ]\n', 0o755);
  dev = shardgate(["dev", "--port", place.port("4000"), "--engine", "memory"]);
  await dev.prints(/^ready /m);
});
afterAll(async () => {
  await dev.stop();
  place.remove();
});

/** A second gateway with storage nodes, at ports of its own. */
async function serve(command: string): Promise<void> {
  const own = await CommandPlace.open();
  const server = await own.serve(command.trim(), { SHARDGATE_DATA: path.join(own.path, "data") });
  expect(await server.stop()).toBe(0);
  own.remove();
}

async function check(page: string, { language, code }: Example): Promise<void> {
  if (language === "graphql") {
    const text = JSON.stringify(await graphqlData(place.origin, code));
    expect(text).toMatch(/"(value|edges)":/);
    expect(text).not.toMatch(/"code":|null/);
  } else if (language === "promql") {
    const metrics = await (await fetch(`${place.origin}/metrics`)).text();
    for (const [name] of code.matchAll(/shardgate_\w+/g)) expect(metrics).toContain(`\n${name}{`);
  } else if (/main\.js dev /.test(code)) await serve(code);
  else {
    const from = /^(cd|node) /.test(code) ? "" : `cd ${path.dirname(page)}\n`;
    await place.run(from + code, { SHARDGATE_URL: `${place.origin}/graphql` });
  }
}

describe("the pages of examples/", () => {
  it.each(
    others.map(({ page, example }, index) => [`${index + 1}: ${page}, ${example.heading}`, page, example] as const),
  )("are correct in block %s", async (_, page, example) => check(page, example));

  it.each(
    names.filter((name) =>
      blocks.some(({ page, example }) => page === `examples/${name}/README.md` && isStart(example.code)),
    ),
  )("leave the first part of %s to its own test", (name) => {
    expect(readFileSync(path.join(repository, `test/examples/${name}.test.ts`), "utf8")).toContain('.run("start"');
  });
});
