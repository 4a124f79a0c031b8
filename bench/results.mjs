/** The files of bench/results: one JSON per suite, with when and with what it was measured. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

export const resultsFolder = path.resolve(import.meta.dirname, "results");

/** `figures` of a suite with what they were measured with. */
export function resultOf(suite, figures) {
  const { dependencies } = JSON.parse(readFileSync(path.resolve(import.meta.dirname, "package.json"), "utf8"));
  return {
    suite,
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    processor: os.cpus()[0]?.model ?? "unknown",
    cores: os.cpus().length,
    versions: dependencies,
    ...figures,
  };
}

/** Writes `<suite>.json`. */
export function saveResult(result) {
  mkdirSync(resultsFolder, { recursive: true });
  writeFileSync(path.join(resultsFolder, `${result.suite}.json`), `${JSON.stringify(result, null, 2)}\n`);
}

/** Suite to result. */
export function readResults() {
  const files = readdirSync(resultsFolder).filter((file) => file.endsWith(".json"));
  return new Map(
    files.map((file) => [
      path.basename(file, ".json"),
      JSON.parse(readFileSync(path.join(resultsFolder, file), "utf8")),
    ]),
  );
}
