/** The nightly command on histories that were kept; its runs are those of test/linearizability/process-run.test.ts. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, expect, it } from "vitest";
import { historyToText, Recorder } from "../linearizability/history.js";
import { repository, Run, temporaryFolder } from "../support/processes.js";

const folder = temporaryFolder();
afterAll(() => folder.remove());

it.each([
  ["accepts", 1, 0, /^linearizable$/m],
  ["rejects", 2, 1, /Key a is not linearizable[\s\S]*^NOT linearizable$/m],
] as const)("%s a history that was kept", async (_, valueSeen, exitCode, printed) => {
  const recorder = new Recorder();
  recorder.begin("client", "a", { kind: "put", value: 1, condition: null })({
    kind: "written",
    isNew: true,
    version: 1,
  });
  recorder.begin("client", "a", { kind: "get" })({ kind: "found", entry: { value: valueSeen, version: 1 } });
  const file = path.join(folder.path, "history.ndjson");
  writeFileSync(file, historyToText(recorder.calls));
  const command = path.join(repository, "test/nightly/run.mjs");
  const run = new Run(process.execPath, [command, "linearizability", "--check", file]);
  expect(await run.ended(), run.stderr).toBe(exitCode);
  expect(run.stdout).toMatch(printed);
});
