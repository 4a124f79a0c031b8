import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { allCommands, commandTree } from "../../src/cli/completion/command-tree.js";
import { parsedBy } from "../../src/cli/options/option.js";
import { createProgram, runCli } from "../../src/cli/program.js";
import { testEnvironment } from "./test-environment.js";

/** Help with each entry on one line, however wide the terminal is. */
async function help(command: string): Promise<string> {
  const { code, out, err } = await run(command, "--help");
  expect([code, err]).toEqual([0, ""]);
  return out.replaceAll(/\s+/g, " ");
}

async function run(...argv: string[]) {
  const environment = testEnvironment();
  const code = await runCli(argv, environment);
  return { code, out: environment.written.out, err: environment.written.err };
}

const root = commandTree(await createProgram(testEnvironment()));
const commands = allCommands(root);
/** Examples use the first name of a command. */
const firstNames: Readonly<Record<string, string>> = { del: "delete", rm: "delete", ls: "scan" };

afterEach(() => vi.unstubAllEnvs());

describe("the command line", () => {
  it("prints the version of the package", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    for (const flag of ["--version", "-V"]) expect(await run(flag)).toEqual({ code: 0, out: `${version}\n`, err: "" });
  });

  it("lists the commands", async () => {
    const { code, out } = await run("--help");
    expect(code).toBe(0);
    const [, ...rows] = out.split("Servers:\n");
    const names = rows.join("").matchAll(/^ {2}([a-z|]+) /gm);
    const listed = [...names].flatMap(([, names = ""]) => names.split("|"));
    expect(listed.toSorted()).toEqual(root.commands.map(({ path }) => path.join(" ")).toSorted());
  });

  it.each([
    ["delete", "del", "rm"],
    ["scan", "ls"],
  ])("accepts the aliases of %s, and shows them in its help", async (name, ...others) => {
    const { out } = await run(name, "--help");
    expect(out).toContain(`Usage: shardgate ${[name, ...others].join("|")} `);
    for (const other of others) {
      expect(await run(other, "--help")).toEqual({ code: 0, out, err: "" });
      expect(await run("help", other)).toEqual({ code: 0, out, err: "" });
    }
  });

  it("prints the help on standard error and fails when no command is named", async () => {
    const { code, out, err } = await run();
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch("Usage: shardgate");
  });

  it.each([
    [
      "dev",
      [
        "port",
        "host",
        "nodes",
        "shards",
        "data",
        "engine",
        "no-playground",
        "no-console",
        "persisted-only",
        "cors",
        "allow-host",
        "limit",
        "log-level",
      ],
    ],
    [
      "gateway",
      [
        "port",
        "host",
        "nodes",
        "shards",
        "data",
        "registry",
        "suspect-after",
        "down-after",
        "takeover-after",
        "auto-rebalance",
        "drain-delay",
      ].concat([
        "id",
        "advertise",
        "no-playground",
        "no-console",
        "persisted-documents",
        "persisted-only",
        "limit",
        "allow-nodes",
        "tls-cert",
        "tls-key",
        "tls-ca",
        "tls-node-cert",
        "tls-node-key",
      ]),
    ],
    [
      "node",
      ["id", "port", "host", "data", "engine", "gateway", "advertise", "log-level"].concat([
        "store",
        "store-password-file",
        "store-tls-ca",
        "store-tls-cert",
        "store-tls-key",
        "tls-cert",
        "tls-key",
        "tls-ca",
      ]),
    ],
    ["import", ["endpoint", "timeout", "output", "from-line"]],
    ["export", ["endpoint", "timeout", "output", "prefix"]],
    ["status", ["endpoint", "tls-ca", "timeout", "output"]],
  ])("explains each option of %s with its environment variable, and shows an example", async (command, options) => {
    const text = await help(command);
    for (const option of options) {
      expect(text).toContain(`--${option} `);
      expect(text).toContain(`env: SHARDGATE_${option.toUpperCase().replaceAll("-", "_")})`);
    }
    expect(text).toContain(`Example: shardgate ${command}`);
  });

  it.each(commands.filter(({ path }) => path.length > 0 && path[0] !== "help").map(({ path }) => [path.join(" ")]))(
    "shows an example of %s that consists of known words",
    async (name) => {
      const { code, out } = await run(...name.split(" "), "--help");
      expect(code).toBe(0);
      const [, text = ""] = out.split(/\nExamples?:\n/);
      for (const line of text.trimEnd().split("\n")) {
        expect(line).toMatch(new RegExp(`^  shardgate ${firstNames[name] ?? name}( |$)`));
        const words = line.trim().split(" ").slice(1);
        const path = words.slice(0, 2).join(" ");
        const node =
          commands.find((each) => each.path.join(" ") === path) ??
          commands.find(({ path: [first], path }) => first === words[0] && path.length === 1);
        const flags = node?.options.flatMap(({ long, short }) => [long, short]) ?? [];
        expect(flags).toEqual(expect.arrayContaining(words.filter((word) => /^--?[a-z]/.test(word))));
      }
    },
  );

  it("names the defaults in the help", async () => {
    const gateway = await help("gateway");
    expect(gateway).toContain("default: 4000, env: SHARDGATE_PORT");
    expect(gateway).toContain("default: 3000, env: SHARDGATE_SUSPECT_AFTER");
    const dev = await help("dev");
    expect(dev).toContain('default: "./data", env: SHARDGATE_DATA');
    expect(dev).toContain("default: 3, env: SHARDGATE_NODES");
    expect(await help("node")).toContain(
      'choices: "lmdb", "postgres", "memory", default: "lmdb", env: SHARDGATE_ENGINE',
    );
  });

  it.each([
    [["nonsense"], "unknown command 'nonsense'"],
    [["node", "--prot", "1"], "unknown option '--prot' (Did you mean --port?)"],
    [["node", "--port"], "option '--port <number>' argument missing"],
    [["node", "--port", "http"], "It must be a whole number from 0 to 65535."],
    [["node", "--port", "65536"], "It must be a whole number from 0 to 65535."],
    [["node", "--engine", "rocks"], "Allowed choices are lmdb, postgres, memory."],
    [["node", "--engine", "postgres"], "option '--engine postgres' needs '--store postgres://user@host/database'."],
    [["node", "--store", "postgres://h/d"], "option '--store' needs '--engine postgres'; the engine is lmdb."],
    [
      ["node", "--store", "postgres://h/d", "--engine", "memory"],
      "option '--store' needs '--engine postgres'; the engine is memory.",
    ],
    [
      ["node", "--engine", "postgres", "--store", "postgres://h/d", "--data", "x"],
      "option '--data' does not go with '--engine postgres', which keeps no files",
    ],
    [
      ["node", "--engine", "postgres", "--store", "postgres://h/d", "--workers", "2"],
      "omit '--workers', and start more storage nodes with the same '--store'.",
    ],
    [["node", "--engine", "memory", "--workers", "2"], "omit '--workers', or use '--engine lmdb'."],
    [["node", "--store-password-file", "x"], "option '--store-password-file' needs '--store postgres://…'."],
    [
      ["node", "--engine", "postgres", "--store", "postgres://h/d", "--store-tls-key", "x"],
      "options '--store-tls-cert' and '--store-tls-key' need each other.",
    ],
    [
      ["node", "--engine", "postgres", "--store", "postgres://localhost/d", "--store-tls-ca", "x"],
      "need a store that is reached with TLS: postgres://…?sslmode=verify-full.",
    ],
    [["node", "--id", "../x"], "letters, digits"],
    [["node", "--host", "a b"], "It must be an IP address or a host name."],
    [["node", "--gateway", "http://a:1,"], "does not start with http:// or https://"],
    [["node", "--gateway", "http://a:1", "--gateway", "ftp://x"], "does not start with http:// or https://"],
    [["node", "--gateway", "ftp://x"], "does not start with http:// or https://"],
    [["node", "--gateway", "http://127.0.0.1:4000", "--host", "0.0.0.0"], "needs '--advertise <url>'"],
    [["gateway", "--id", "a b"], "The gateway's name"],
    [["gateway", "--advertise", "ftp://x"], "does not start with http:// or https://"],
    [
      ["gateway", "--registry", "postgres://h/d", "--host", "0.0.0.0", "--insecure"],
      "option '--host 0.0.0.0' needs '--advertise <url>'",
    ],
    [
      ["gateway", "--registry", "etcd://h/p", "--port", "0", "--workers", "2"],
      "option '--port 0' with several workers needs '--advertise <url>'",
    ],
    [
      ["gateway", "--registry", "etcd://h/p", "--tls-ca", "x", "--advertise", "http://g:1"],
      "option '--tls-ca' needs '--advertise https://…'",
    ],
    [
      ["node", "--host", "0.0.0.0", "--advertise", "http://n:1"],
      "add --cluster-secret-file <file>, or --tls-cert, --tls-key and --tls-ca, or --insecure",
    ],
    [
      ["gateway", "--host", "192.0.2.1"],
      "add --tokens <file>, or --jwt-issuer, --jwt-audience and --jwt-jwks, or --insecure",
    ],
    [["gateway", "--host", "example.org", "--cluster-secret-file", "x"], "accepts other hosts"],
    [
      ["gateway", "--registry", "etcd://h", "--tokens", "x"],
      "option '--tokens <file>' with a registry that gateways share needs '--cluster-secret-file <file>'",
    ],
    [
      ["gateway", "--registry", "postgres://h/d"].concat([
        "--jwt-issuer",
        "x",
        "--jwt-audience",
        "y",
        "--jwt-jwks",
        "z",
      ]),
      "needs '--cluster-secret-file <file>', the same for all gateways and storage nodes",
    ],
    [
      ["gateway", "--registry", "etcd://h", "--host", "0.0.0.0", "--insecure"],
      "option '--host 0.0.0.0' needs '--advertise <url>'",
    ],
    [["dev", "--host", "::"], "add --insecure to allow that"],
    [["gateway", "--jwt-issuer", "x"], "must be used together"],
    [["gateway", "--jwt-audience", "x", "--jwt-jwks", "y"], "must be used together"],
    [["gateway", "--jwt-jwks", "http://example.org/keys"], "http is allowed for loopback addresses only"],
    [["gateway", "--jwt-jwks", "https://"], "It must be a file or a URL of a JSON Web Key Set."],
    [["token", "ada"], "required option '--grant <grant...>' not specified"],
    [["token", "ada", "--grant", "owner:x"], "A role must be `read`, `write` or `admin`."],
    [["token", "a\nb", "--grant", "admin"], "needs a `name`"],
    [["token", "ada", "--grant", "admin", "--expires", "tomorrow"], "that is not a timestamp"],
    [["node", "--data", " "], "It must not be empty."],
    [["node", "--log-level", "loud"], '"loud" is not one of the levels (debug, info, warn, error, silent)'],
    [
      ["gateway", "--log-level", "info,tls=debug"],
      "parts are requests, access, cluster, routing, membership, storage.",
    ],
    [["gateway", "--shards", "0"], "It must be a whole number from 1 to 16384."],
    [["gateway", "--shards", "16385"], "It must be a whole number from 1 to 16384."],
    [["gateway", "--nodes", "-1"], "It must be a whole number from 1 to 2000."],
    [["gateway", "--suspect-after", "1499"], "must be a whole number from 1500 to"],
    [["gateway", "--suspect-after", "3000", "--down-after", "2000"], "must not be longer than '--down-after'"],
    [["gateway", "--takeover-after", "1499"], "must be a whole number from 1500 to"],
    [["dev", "--port", "65534", "--nodes", "3"], "leaves too few ports after it for 3 storage nodes"],
    [
      ["dev", "--port", "65530", "--nodes", "3", "--gateways", "3"],
      "leaves too few ports after it for 3 storage nodes, 2 more gateways and PostgreSQL.",
    ],
    [
      ["dev", "--port", "65532", "--nodes", "3", "--engine", "postgres"],
      "leaves too few ports after it for 3 storage nodes and PostgreSQL.",
    ],
    [["dev", "--engine", "postgres", "--registry", "etcd://h"], "its PostgreSQL has the registry, too."],
    [["dev", "--engine", "postgres", "--nodes", "41"], "allows at most 40 storage nodes here."],
    [["gateway", "--limit", "keys=1"], '"keys" is not a limit. The limits are: body-bytes, '],
    [["gateway", "--limit", "batch-keys=0"], "batch-keys must be a whole number from 1 to 10000."],
    [["gateway", "--limit", "batch-keys"], "batch-keys must be a whole number from 1 to 10000."],
    [["dev", "--limit", "batch-keys=1e3"], "batch-keys must be a whole number from 1 to 10000."],
    [["gateway", "--cors", "app.example"], "Each must be an origin"],
    [["gateway", "--cors", "https://app.example/"], "Each must be an origin"],
    [["gateway", "--cors", "https://app.example:443"], "Each must be an origin"],
    [["gateway", "--cors", "https://a.example,null"], "Each must be an origin"],
    [["dev", "--cors", "file://app"], "Each must be an origin"],
    [["gateway", "--allow-host", "a.example:80"], "Each must be a host name, without a port."],
    [["gateway", "--allow-host", "*"], "Each must be a host name, without a port."],
    [["gateway", "--allow-host", "a,,b"], "Each must be a host name, without a port."],
    [["gateway", "--allow-nodes", "10.0.0.0/33"], 'has "10.0.0.0/33", which is not a network'],
    [["gateway", "--tls-cert", "a"], "option '--tls-cert' needs '--tls-key <file>'."],
    [["gateway", "--tls-key", "a"], "option '--tls-key' needs '--tls-cert <file>'."],
    [["gateway", "--tls-node-cert", "a"], "option '--tls-node-cert' needs '--tls-node-key <file>'."],
    [["gateway", "--tls-ca", ""], "It must not be empty."],
    [["node", "--tls-cert", "a"], "option '--tls-cert' needs '--tls-key <file>'."],
    [["node", "--tls-ca", "a"], "option '--tls-ca' needs '--tls-cert <file>' on a storage node."],
    [
      ["node", "--tls-ca", "a", "--tls-cert", "a", "--tls-key", "a", "--gateway", "http://127.0.0.1:4000"],
      "option '--tls-ca' needs '--gateway https://…'",
    ],
    [
      ["node", "--tls-ca", "a", "--tls-cert", "a", "--tls-key", "a", "--gateway", "https://a:1,http://a:2"],
      "option '--tls-ca' needs '--gateway https://…'",
    ],
    [["status", "--tls-ca", "a"], "option '--tls-ca' needs '--endpoint https://…'"],
    [["dev", "extra"], "too many arguments"],
    [["import"], "missing required argument 'file'"],
    [["import", "x", "--from-line", "0"], "It must be a whole number from 1"],
    [["import", "x", "--endpoint", "http://a,"], "It must be an http or https URL."],
    [["status", "--tls-ca", "a", "-e", "https://a,http://b"], "option '--tls-ca' needs '--endpoint https://…'"],
    [["import", "x", "--endpoint", "localhost"], "It must be an http or https URL."],
    [["export", "--unknown"], "unknown option '--unknown'"],
    [["shard", "nonsense"], "unknown command 'nonsense'"],
    [["status", "--timeout", "0"], "It must be a whole number from 1 to 3600000."],
    [["status", "-o", "yaml"], "Allowed choices are table, json."],
    [["scan", "--limit", "0"], "It must be a whole number from 1"],
    [["export", "--endpoint", "ftp://localhost"], "It must be an http or https URL."],
    [["export", "--endpoint", "http://me:secret@localhost"], "It must have no user name, password, query or fragment."],
  ])("refuses %j with exit code 2 and one line", async (argv, message) => {
    const { code, out, err } = await run(...argv);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toContain(message);
    expect(err).toMatch(/^shardgate: [^\n]+\n$/);
  });

  it("does not report a bug in a parser as a wrong option", () => {
    const parse = parsedBy(() => {
      throw new TypeError("bug");
    });
    expect(() => parse("x")).toThrow(TypeError);
  });

  it("reads options from the environment, and refuses an invalid one there too", async () => {
    vi.stubEnv("SHARDGATE_PORT", "nowhere");
    const { code, err } = await run("node");
    expect(code).toBe(2);
    expect(err).toContain("value 'nowhere' from env 'SHARDGATE_PORT' is invalid");
  });
});
