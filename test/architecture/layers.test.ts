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
  postgres: ["core", "tls"],
  console: ["core", "wire"],
  storage: ["core", "tls", "postgres"],
  registry: ["core", "tls", "postgres"],
  routing: ["core", "wire", "tls", "registry"],
  "storage-node": ["core", "wire", "tls", "storage"],
  gateway: ["core", "wire", "tls", "registry", "routing"],
  cli: ["core", "wire", "tls", "postgres", "storage", "registry", "routing", "storage-node", "gateway", "client"],
};

/** Package -> where in src/ it may be imported. `node:` modules are free above core and wire, and not in client. */
const homes: Readonly<Record<string, readonly string[]>> = {
  lmdb: ["storage/lmdb/records/databases.ts"],
  undici: [
    "routing/node-client/undici-node-client.ts",
    "tls/cluster-posts.ts",
    "registry/stores/etcd/etcd-client.ts",
    "cli/",
  ],
  pg: ["postgres/"],
  dataloader: ["gateway/graphql/execution/loaders.ts"],
  graphql: ["gateway/graphql/"],
  "graphql-yoga": ["gateway/graphql/"],
  fastify: ["storage-node/", "gateway/rest/"],
  "@fastify/swagger": ["gateway/rest/"],
  "prom-client": ["gateway/metrics/", "storage-node/node-metrics.ts", "cli/serve/workers/metrics-of-workers.ts"],
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
  "gateway/cluster/leader": ["gateway/cluster/member"],
  "gateway/cluster/follower": ["gateway/cluster/workers", "cli"],
  "gateway/cluster/workers": ["cli"],
  "gateway/cluster/member": ["cli"],
};

const linesMax = 300;

/** A folder with more files at its top has rooms that it hides. */
const filesMax = 14;

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

const written = files.filter((file) => !file.includes("generated/"));
const folders = [...new Set(written.flatMap(foldersOf))];

/** The folders that a file is in, `.` for src/ itself. */
function foldersOf(file: string): readonly string[] {
  const folder = path.dirname(file);
  return folder === "." ? ["."] : [folder, ...foldersOf(folder)];
}

/** Which file imports which, generated files aside. */
const pairs = importPairs();

function importPairs(): readonly (readonly [from: string, to: string])[] {
  const known = new Set(written);
  return imports.flatMap(({ file, specifier }) => {
    if (!specifier.startsWith(".")) return [];
    const target = path.join(path.dirname(file), specifier);
    const to = [".ts", ".tsx"].map((ending) => target.replace(/\.js$/, ending)).find((name) => known.has(name));
    return known.has(file) && to !== undefined ? [[file, to] as const] : [];
  });
}

/** Which of the files and inner folders of a folder imports which, each inner folder taken as a whole. */
function importsInside(folder: string): ReadonlyMap<string, ReadonlySet<string>> {
  const graph = new Map<string, Set<string>>();
  const start = folder === "." ? "" : `${folder}/`;
  for (const pair of pairs) {
    if (!pair.every((file) => file.startsWith(start))) continue;
    const [from = "", to = ""] = pair.map((file) => file.slice(start.length).split("/")[0] ?? "");
    if (from !== to) graph.set(from, (graph.get(from) ?? new Set()).add(to));
  }
  return graph;
}

/** The groups of nodes that reach each other, each as its sorted names. */
function circlesOf(graph: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] {
  const reached = new Map([...graph.keys()].map((node) => [node, reachedFrom(graph, node)]));
  const circles = [...graph.keys()]
    .filter((node) => reached.get(node)?.has(node))
    .map((node) =>
      [...graph.keys()].filter((other) => reached.get(node)?.has(other) && reached.get(other)?.has(node)).toSorted(),
    );
  return [...new Set(circles.map((circle) => circle.join(" ")))].toSorted();
}

function reachedFrom(graph: ReadonlyMap<string, ReadonlySet<string>>, start: string): ReadonlySet<string> {
  const reached = new Set<string>();
  const waiting = [...(graph.get(start) ?? [])];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (reached.has(node)) continue;
    reached.add(node);
    waiting.push(...(graph.get(node) ?? []));
  }
  return reached;
}

describe("the rooms of src/", () => {
  it("finds circles", () => {
    const graph = new Map([
      ["a", new Set(["b"])],
      ["b", new Set(["c", "d"])],
      ["c", new Set(["a"])],
      ["d", new Set<string>()],
    ]);
    expect(circlesOf(graph)).toEqual(["a b c"]);
    expect(importsInside("gateway").get("gateway-server.ts")).toContain("rest");
  });

  it("import each other in one direction only, inner folders and files alike", () => {
    const circles = folders.flatMap((folder) =>
      circlesOf(importsInside(folder)).map((circle) => `${folder}: ${circle}`),
    );
    expect(circles).toEqual([]);
  });

  it.each(folders.filter((folder) => folder !== "console/draw"))("%s has few files at its top", (folder) => {
    const own = written.filter((file) => path.dirname(file) === folder);
    expect(own.length, own.join(" ")).toBeLessThanOrEqual(filesMax);
  });

  it("have no two files of one name", () => {
    const names = written.map((file) => path.basename(file));
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it("share in core/limits.ts only the bounds that several files read", () => {
    const text = readFileSync(path.join(source, "core/limits.ts"), "utf8");
    const code = text.replaceAll(/\/\*\*.*?\*\//gs, "");
    const readers = imports.filter(({ specifier }) => specifier.endsWith("/limits.js")).map(({ file }) => file);
    const texts = [...new Set(readers)].map((file) => readFileSync(path.join(source, file), "utf8"));
    const bounds = [...code.matchAll(/^export const (\w+)/gm)].map(([, name = ""]) => name);
    expect(bounds.length).toBeGreaterThan(10);
    const readersOf = (name: string): number => {
      const word = new RegExp(`\\b${name}\\b`, "g");
      const isReadByAnother = [...code.matchAll(word)].length > 1;
      return texts.filter((each) => each.search(word) >= 0).length + (isReadByAnother ? 1 : 0);
    };
    expect(bounds.filter((name) => readersOf(name) < 2)).toEqual([]);
  });

  it("export no two types of one name", () => {
    const declaration = /^export (?:declare )?(?:abstract )?(?:type|interface|class) (\w+)/gm;
    const filesOf = new Map<string, readonly string[]>();
    for (const file of written) {
      for (const [, name = ""] of readFileSync(path.join(source, file), "utf8").matchAll(declaration)) {
        filesOf.set(name, [...(filesOf.get(name) ?? []), file]);
      }
    }
    expect(filesOf.get("ShardState")).toEqual(["core/shard.ts"]);
    expect([...filesOf].filter(([, { length }]) => length > 1)).toEqual([]);
  });
});

describe("every file of src/", () => {
  it.each(written)("%s opens with what it is, and stays readable", (file) => {
    const text = readFileSync(path.join(source, file), "utf8");
    expect(text).toMatch(/^(#!.*\n)?\/\*\*/);
    expect(text.split("\n").length - 1).toBeLessThanOrEqual(linesMax);
    expect(path.basename(file)).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*(\.d)?\.tsx?$/);
    expect(text).not.toMatch(/: any\b|\bas any\b|^(export )?(const )?enum /m);
  });
});
