import { defineConfig } from "vitest/config";
import { hasChromium } from "./test/support/chromium.js";

export default defineConfig({
  // Vite would load graphql's ES module build beside the CommonJS one that Node, and so Yoga, loads: two GraphQLErrors.
  resolve: { alias: [{ find: /^graphql$/, replacement: "graphql/index.js" }] },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: hasChromium ? [] : ["test/browser/**"],
    globalSetup: ["test/support/build.ts"],
    setupFiles: ["test/support/patient-waits.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: {
      provider: "v8",
      include: ["src/**/*.{ts,tsx}"],
      exclude: ["src/gateway/graphql/generated/**"],
      thresholds: { lines: 95, branches: 95 },
      reporter: ["text-summary", "html"],
    },
  },
});
