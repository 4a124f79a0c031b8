/** Tests of the compiled program are where it is built for them; see the projects in vitest.config.ts. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

const folder = path.resolve(import.meta.dirname, "..");
const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".test.ts"));
const ofCompiledProgram =
  /^(browser|end-to-end|examples|nightly)\/|^(gateways|identity|linearizability|shared-store|soak|storage)\/.*-run\.test\.ts$/;
/** What starts the compiled program. */
const starting =
  /from "[./]+support\/(process-cluster|example)\.js"|\{[^}]*\b(shardgate|program)\b[^}]*\} from "[./]+support\/processes\.js"/;

it("sees both kinds", () => {
  const [compiled, others] = [true, false].map((is) => files.filter((file) => ofCompiledProgram.test(file) === is));
  expect(
    compiled?.filter((file) => starting.test(readFileSync(path.join(folder, file), "utf8"))).length,
  ).toBeGreaterThan(10);
  expect(others?.length).toBeGreaterThan(100);
});

it.each(files.filter((file) => !ofCompiledProgram.test(file)))("%s starts no compiled program", (file) => {
  const text = readFileSync(path.join(folder, file), "utf8");
  expect(starting.test(text), "Move it to test/end-to-end, where dist/ is built before it runs.").toBe(false);
});
