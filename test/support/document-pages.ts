/**
 * The pages whose blocks test/end-to-end/docs.test.ts and docs-gateways.test.ts run. They share one cluster, so those that
 * need an empty one come first.
 */
import { readdirSync } from "node:fs";
import path from "node:path";
import { repository } from "./processes.js";

const first = ["README.md", "docs/tutorial/first-steps.md", "docs/how-to/several-machines.md"];
/** Run by tests of their own: each command in the state of the cluster, or beside the programs, that it is for. */
const ownTests = [
  "docs/how-to/data-safety.md",
  "docs/how-to/deploy.md",
  "docs/how-to/postgres.md",
  "docs/how-to/three-machines.md",
  "docs/how-to/upgrade.md",
];
const others = readdirSync(path.join(repository, "docs"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".md"))
  .map((file) => `docs/${file}`)
  .filter((file) => !first.includes(file) && !ownTests.includes(file))
  .toSorted();

export const documentPages: readonly string[] = [...first, ...others, "test/README.md"];
