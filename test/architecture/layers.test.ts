/** The layer table of src/README.md: imports point down only, and every third-party package has one home. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

const source = path.resolve(import.meta.dirname, "../../src");

/** Folder -> the folders of src/ it may import beside itself. */
const layers: Readonly<Record<string, readonly string[]>> = {
  core: [],
  client: [],
  wire: ["core"],
  tls: ["core"],
  console: ["core", "wire"],
  storage: ["core"],
  registry: ["core"],
  routing: ["core", "wire", "tls", "registry"],
  "storage-node": ["core", "wire", "tls", "storage"],
  gateway: ["core", "wire", "tls", "registry", "routing"],
  cli: ["core", "wire", "tls", "storage", "registry", "routing", "storage-node", "gateway", "client"],
};

/** Package -> where in src/ it may be imported. `node:` modules are free above core and wire, and not in client. */
const homes: Readonly<Record<string, readonly string[]>> = {
  lmdb: ["storage/lmdb/records/databases.ts"],
  undici: ["routing/node-client/undici-node-client.ts", "storage-node/membership/agent.ts", "cli/"],
  dataloader: ["gateway/graphql/execution/loaders.ts"],
  graphql: ["gateway/graphql/"],
  "graphql-yoga": ["gateway/graphql/"],
  fastify: ["storage-node/", "gateway/rest/"],
  "@fastify/swagger": ["gateway/rest/"],
  "prom-client": [
    "gateway/metrics/gateway-metrics.ts",
    "gateway/metrics/tallied-histogram.ts",
    "storage-node/node-metrics.ts",
    "cli/serve/workers/metrics-of-workers.ts",
  ],
  jose: ["gateway/access/json-web-tokens.ts"],
  pino: ["cli/serve/telemetry/pino-log.ts"],
  commander: ["cli/"],
  "fs-native-extensions": ["cli/files/file-lock.ts"],
  "@opentelemetry/api": ["cli/serve/telemetry/otel-tracer.ts"],
  "@opentelemetry/exporter-trace-otlp-http": ["cli/serve/telemetry/otel-tracer.ts"],
  "@opentelemetry/resources": ["cli/serve/telemetry/otel-tracer.ts"],
  "@opentelemetry/sdk-trace": ["cli/serve/telemetry/otel-tracer.ts"],
  "eventsource-parser": ["console/browser-platform.ts"],
  preact: ["console/"],
  uplot: ["console/uplot-chart.ts"],
};

/** Room inside a layer -> the only places beside itself that may import from it. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  // Everyone else has the interfaces in gateway/cluster/, and cannot tell who leads.
  "gateway/cluster/leader": ["cli"],
  "gateway/cluster/follower": ["gateway/cluster/workers", "cli"],
  "gateway/cluster/workers": ["cli"],
};

interface Import {
  readonly file: string;
  readonly specifier: string;
}

const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) => /\.tsx?$/.test(file));
const imports: readonly Import[] = files.flatMap((file) => {
  const text = readFileSync(path.join(source, file), "utf8");
  const specifiers = [
    ...text.matchAll(/^(?:import|export)\s[^;]*?from\s+"([^"]+)"|\bimport\("([^"]+)"\)|^import "([^"]+)"/gms),
  ];
  return specifiers.map((match) => ({ file, specifier: match[1] ?? match[2] ?? match[3] ?? "" }));
});

describe("src/", () => {
  it("has the folders of the layer table and no others", () => {
    const folders = new Set(files.filter((file) => file.includes("/")).map((file) => file.split("/")[0]));
    expect([...folders].toSorted()).toEqual(Object.keys(layers).toSorted());
  });

  it("imports downwards only", () => {
    const wrong = imports.filter(({ file, specifier }) => {
      if (!specifier.startsWith(".")) return false;
      const from = file.split("/")[0] ?? "";
      const to = path.relative(source, path.resolve(source, path.dirname(file), specifier)).split("/")[0] ?? "";
      return to !== from && !layers[from]?.includes(to);
    });
    expect(wrong).toEqual([]);
  });

  it.each(Object.entries(rooms))("imports from %s only where that is meant to be known", (room, importers) => {
    const wrong = imports.filter(({ file, specifier }) => {
      if (!specifier.startsWith(".")) return false;
      const to = path.relative(source, path.resolve(source, path.dirname(file), specifier));
      return to.startsWith(`${room}/`) && ![room, ...importers].some((place) => file.startsWith(`${place}/`));
    });
    expect(wrong).toEqual([]);
  });

  it("imports each package only in its home", () => {
    const wrong = imports.filter(({ file, specifier }) => {
      if (specifier.startsWith(".") || specifier.startsWith("node:")) return false;
      const name = specifier
        .split("/")
        .slice(0, specifier.startsWith("@") ? 2 : 1)
        .join("/");
      return !homes[name]?.some((home) => file.startsWith(home));
    });
    expect(wrong).toEqual([]);
  });

  it("keeps client, console, core and wire free of Node's modules", () => {
    const wrong = imports.filter(
      ({ file, specifier }) => /^(client|console|core|wire)\//.test(file) && specifier.startsWith("node:"),
    );
    expect(wrong).toEqual([]);
  });

  it("reads clocks, randomness and the process only in cli/", () => {
    const reach =
      /\bDate\.now\(|\bMath\.random\(|\bperformance\.now\(|\bprocess\.(env|argv|exit|on|stdout|stderr)\b|new Date\(\)/;
    const wrong = files.filter(
      (file) => !file.startsWith("cli/") && reach.test(readFileSync(path.join(source, file), "utf8")),
    );
    expect(wrong).toEqual([]);
  });
});

describe("every file of src/", () => {
  const written = files.filter((file) => !file.includes("generated/"));

  it.each(written)("%s opens with what it is, and stays readable", (file) => {
    const text = readFileSync(path.join(source, file), "utf8");
    expect(text).toMatch(/^(#!.*\n)?\/\*\*/);
    // All bounds stand in one file, which is a list.
    if (file !== "core/limits.ts") expect(text.split("\n").length).toBeLessThanOrEqual(400);
    expect(path.basename(file)).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*(\.d)?\.tsx?$/);
    expect(text).not.toMatch(/: any\b|\bas any\b|^(export )?(const )?enum /m);
  });
});
