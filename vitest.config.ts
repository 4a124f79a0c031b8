/**
 * The tests as projects. `unit` and `unit-mocked` run from the sources; `system` runs the compiled program and builds it
 * first. The files of `unit` share the modules of one process, which halves what they cost; those that replace modules
 * (`vi.mock`) need modules of their own.
 */
import { readdirSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { defineConfig } from "vitest/config";
import { hasChromium } from "./test/support/chromium.js";

const system = [
  "test/{browser,end-to-end,examples,nightly}/**/*.test.ts",
  "test/{gateways,identity,linearizability,shared-store,soak,storage}/**/*-run.test.ts",
];
const mocked = readdirSync(path.join(import.meta.dirname, "test"), { recursive: true, encoding: "utf8" })
  .map((file) => `test/${file}`)
  .filter(
    (file) =>
      file.endsWith(".test.ts") &&
      /\bvi\.(mock|doMock)\(/.test(readFileSync(path.join(import.meta.dirname, file), "utf8")),
  );
const cores = os.availableParallelism();
const inMemory = ["test/support/folders-in-memory.ts"];

export default defineConfig({
  // Vite would load graphql's ES module build beside the CommonJS one that Node, and so Yoga, loads: two GraphQLErrors.
  resolve: { alias: [{ find: /^graphql$/, replacement: "graphql/index.js" }] },
  test: {
    setupFiles: ["test/support/patient-waits.ts", "test/support/shared-validators.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: {
      provider: "v8",
      include: ["src/**/*.{ts,tsx}"],
      exclude: ["src/gateway/graphql/generated/**"],
      thresholds: { lines: 95, branches: 95 },
      reporter: ["text-summary", "html"],
    },
    projects: [
      {
        extends: true,
        test: {
          name: "system",
          include: system,
          exclude: hasChromium ? [] : ["test/browser/**"],
          globalSetup: ["test/support/build.ts"],
          // Much of a file is waiting for processes to start and for what they do at intervals.
          maxWorkers: cores + 1,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: [...system, ...mocked],
          setupFiles: inMemory,
          isolate: false,
          maxWorkers: cores + 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "unit-mocked",
          include: mocked,
          exclude: system,
          setupFiles: inMemory,
          maxWorkers: cores + 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
