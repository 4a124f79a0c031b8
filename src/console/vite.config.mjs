/** How the console is built: one script and one style sheet, named as the page expects them. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  configFile: false,
  logLevel: "warn",
  build: {
    emptyOutDir: true,
    target: "es2023",
    modulePreload: false,
    rollupOptions: {
      input: [import.meta.resolve("./main.tsx"), import.meta.resolve("./style.css")].map((url) => fileURLToPath(url)),
      output: { entryFileNames: "console.js", assetFileNames: "console[extname]" },
    },
  },
});
