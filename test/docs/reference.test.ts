/** What is generated in README.md and docs/reference is what the code says. `npm run docs` (this file with `-u`) writes them anew. */
import path from "node:path";
import { describe, expect, it } from "vitest";
import { repository } from "../support/processes.js";
import { clientRegions } from "./reference/client.js";
import { commandRegions, configurationRegions } from "./reference/commands.js";
import { errorRegions } from "./reference/errors.js";
import { figureRegions } from "./reference/figures.js";
import { graphqlRegions } from "./reference/graphql.js";
import { limitRegions } from "./reference/limits.js";
import { metricRegions } from "./reference/metrics.js";
import { filledPage, type Regions } from "./reference/page.js";
import { restRegions } from "./reference/rest.js";

const pages: Readonly<Record<string, () => Regions | Promise<Regions>>> = {
  "README.md": figureRegions,
  "docs/reference/client.md": clientRegions,
  "docs/reference/command-line.md": commandRegions,
  "docs/reference/configuration.md": configurationRegions,
  "docs/reference/errors.md": errorRegions,
  "docs/reference/graphql.md": graphqlRegions,
  "docs/reference/limits.md": limitRegions,
  "docs/reference/metrics.md": metricRegions,
  "docs/reference/rest.md": restRegions,
};

describe("a generated page", () => {
  it.each(Object.entries(pages))("%s matches the code; else run `npm run docs`", async (name, regions) => {
    const page = path.join(repository, name);
    await expect(filledPage(name, await regions())).toMatchFileSnapshot(page);
  });
});
