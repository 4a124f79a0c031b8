/** `shardgate registry show` and `copy`, and `restore` onto servers, on files and on real servers. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { lockRegistry } from "../../../src/cli/files/file-lock.js";
import { applyCommand, createClusterMap } from "../../../src/registry/commands.js";
import type { ClusterMap } from "../../../src/registry/cluster-map.js";
import type { RegistryStore } from "../../../src/registry/registry-store.js";
import { documentOf, mapOf } from "../../../src/registry/stored-cluster-map.js";
import { EtcdStore } from "../../../src/registry/stores/etcd/etcd-store.js";
import { decodeFile, encodeFile } from "../../../src/registry/stores/file/file-document.js";
import { FileStore } from "../../../src/registry/stores/file/file-store.js";
import { PostgresStore } from "../../../src/registry/stores/postgres/postgres-store.js";
import { noTls } from "../../../src/tls/tls-source.js";
import { CertificateAuthority } from "../../support/certificates.js";
import { etcdPath, startEtcd, type EtcdMember } from "../../support/etcd.js";
import { hasPostgres, PostgresServer } from "../../support/postgres.js";
import { temporaryFolder } from "../../support/processes.js";
import { serverClock } from "../../support/server-clock.js";
import { runCommand, type CommandRun } from "../run-command.js";

let folder: ReturnType<typeof temporaryFolder>;
let file: string;

beforeEach(() => {
  folder = temporaryFolder();
  file = path.join(folder.path, "registry.json");
});
afterEach(() => folder.remove());

function clusterMap(nodes: readonly string[], clusterId = "c1"): ClusterMap {
  const empty = createClusterMap({ clusterId, clusterName: "shop", shardCount: 4 });
  return nodes.reduce(
    (map, name) =>
      applyCommand(map, { kind: "registerNode", name, url: `http://${name}:1`, identity: null, newMark: "m" }, 0).map,
    empty,
  );
}

const mapIn = (name: string): ClusterMap => mapOf(decodeFile(readFileSync(name), name));
const variables = { SHARDGATE_REGISTRY_PASSWORD: "secret" };
const registry = (...args: string[]): Promise<CommandRun> =>
  runCommand(["registry", ...args], { overrides: { clock: serverClock }, variables });

describe("registry show", () => {
  it("shows a file also while its gateway runs", async () => {
    const store = await FileStore.open(file, {
      lockFile: (lock) => lockRegistry(lock, serverClock),
      watchFile: () => () => undefined,
    });
    try {
      const document = documentOf(clusterMap(["node1", "node2"]));
      await store.compareAndSet(null, document, '[[1000,"operator","a",[0],[6]]]');
      const { code, out } = await registry("show", "--registry", file, "-o", "json");
      expect(code).toBe(0);
      expect(JSON.parse(out)).toEqual({
        registry: file,
        clusterName: "shop",
        clusterId: "c1",
        shards: 4,
        storageNodes: 2,
        mapVersion: 3,
        leader: null,
        beat: 0,
        sizeBytes: Buffer.byteLength(document.text),
        logRecords: 1,
        waiting: [],
      });
    } finally {
      await store.close();
    }
  });

  it("says which storage nodes a restored registry waits for", async () => {
    const marked = applyCommand(clusterMap(["node1"]), { kind: "markPutBack", newMark: "m" }, 0).map;
    writeFileSync(file, encodeFile(documentOf(marked)));
    const { out } = await registry("show", "--data", folder.path);
    expect(out).toMatch(/^registry +\S+registry\.json\ncluster +shop\n/);
    expect(out).toMatch(/\nrestored +waiting for node1\n$/);
  });

  it.each([
    [{ id: "7", name: null, url: null }, "7"],
    [{ id: "7", name: "gateway1", url: "http://gateway1:4000" }, "gateway1 at http://gateway1:4000"],
  ])("names the leader %j as %s", async (leader, text) => {
    const led = applyCommand(clusterMap([]), { kind: "takeLead", leader }, 0).map;
    writeFileSync(file, encodeFile(documentOf(led)));
    expect((await registry("show", "--registry", file)).out).toMatch(new RegExp(`\nleader +${text}\n`));
    expect(JSON.parse((await registry("show", "--registry", file, "-o", "json")).out)).toMatchObject({ leader });
  });

  it("says that there is none", async () => {
    expect(await registry("show", "--registry", file)).toMatchObject({
      code: 3,
      err: `shardgate: The registry ${file} is empty.\n`,
    });
    expect(await registry("show", "--registry", "memory")).toMatchObject({ code: 2 });
  });
});

describe("registry copy", () => {
  const copyOf = (): string => path.join(folder.path, "copies", "copy.json");

  it("makes the very same registry in another file, with its log", async () => {
    const bytes = encodeFile(documentOf(clusterMap(["node1"])));
    writeFileSync(file, bytes);
    const { code, out } = await registry("copy", file, copyOf());
    expect([code, out]).toEqual([
      0,
      `copied ${file} to ${copyOf()}: cluster shop, 4 shards, 1 storage nodes, map version 2\n` +
        `Start every gateway with --registry ${copyOf()}.\n`,
    ]);
    expect(readFileSync(copyOf())).toEqual(bytes);
    // Again it changes nothing.
    expect(await registry("copy", file, copyOf())).toMatchObject({ code: 0 });
  });

  it("replaces a newer registry by force only, and marks what takes its place", async () => {
    writeFileSync(file, encodeFile(documentOf(clusterMap(["node1", "node2"]))));
    await registry("copy", file, copyOf());
    writeFileSync(file, encodeFile(documentOf(clusterMap(["node1"]))));
    const refused = await registry("copy", file, copyOf());
    expect(refused.code).toBe(4);
    expect(refused.err).toContain(
      "has map version 3 of this cluster, and the copy has 2. Nothing was copied. To replace it, add --force.",
    );
    expect(mapIn(copyOf()).nodes.size).toBe(2);
    const { code, out } = await registry("copy", "--force", file, copyOf());
    expect(code).toBe(0);
    expect(out).toContain("each of these storage nodes has registered: node1.");
    expect(mapIn(copyOf())).toMatchObject({ version: 4, putBack: { waiting: ["node1"] } });
  });

  it.each([
    [(): string[] => [file, file], 2, "FROM and TO are the same registry."],
    [(): string[] => ["memory", file], 2, "A registry in memory cannot be copied."],
    [(): string[] => [file, copyOf()], 3, "is empty."],
    [(): string[] => [file, "postgres://u:secret@h/d"], 2, "argument 'to' contains a password"],
  ])("refuses %s with what is wrong", async (args, code, message) => {
    const run = await registry("copy", ...args());
    expect(run).toMatchObject({ code, out: "", err: expect.stringContaining(message) });
    expect(run.err).not.toContain("secret");
  });
});

describe.skipIf(!hasPostgres || etcdPath === undefined)(
  "on real servers (skipped where PostgreSQL or etcd is missing)",
  () => {
    let server: PostgresServer;
    let members: readonly EtcdMember[];
    let count = 0;
    let postgres: string;
    let etcd: string;

    beforeAll(async () => {
      [server, members] = await Promise.all([PostgresServer.start(), startEtcd()]);
    });
    afterAll(async () => {
      await server.stop();
      for (const { run } of members) await run.stop();
    });
    beforeEach(() => {
      count++;
      postgres = `postgres://sg@127.0.0.1:${server.port}/postgres?schema=s${count}`;
      etcd = `${members[0]?.origin.replace("http", "etcd")}/s${count}`;
    });

    function storeAt(place: string): RegistryStore {
      if (place === etcd) {
        const prefix = `/s${count}`;
        return new EtcdStore({
          members: members.map(({ origin }) => origin),
          prefix,
          credentials: null,
          tls: noTls,
          clock: serverClock,
        });
      }
      const access = { hosts: [{ host: "127.0.0.1", port: server.port }], database: "postgres", user: "sg", tls: null };
      return new PostgresStore({ ...access, password: async () => "secret", schema: `s${count}`, clock: serverClock });
    }

    it("registry copy takes a registry from a file to PostgreSQL, on to etcd, and back", async () => {
      writeFileSync(file, encodeFile(documentOf(clusterMap(["node1"]))));
      writeFileSync(`${file}.log`, "");
      const back = path.join(folder.path, "back.json");
      const aside = await registry("copy", file, path.join(folder.path, "aside.json"), "-o", "json");
      expect(JSON.parse(aside.out)).toMatchObject({
        clusterId: "c1",
        mapVersion: 2,
        logRecords: 0,
        isBackup: false,
        waiting: [],
      });
      for (const [from, to] of [
        [file, postgres],
        [postgres, etcd],
        [etcd, back],
      ] as const) {
        expect(await registry("copy", from, to)).toMatchObject({ code: 0, err: "" });
      }
      expect(readFileSync(back)).toEqual(readFileSync(file));
      const { out } = await registry("show", "--registry", etcd, "-o", "json");
      expect(JSON.parse(out)).toMatchObject({ registry: etcd, clusterId: "c1", mapVersion: 2, beat: 0, logRecords: 0 });
    });

    it.each(["PostgreSQL", "etcd"])(
      "registry copy from %s that a gateway leads makes a backup file only",
      async (engine) => {
        const led = engine === "etcd" ? etcd : postgres;
        const store = storeAt(led);
        const document = documentOf(clusterMap(["node1"]));
        await store.compareAndSet(null, document, null);
        let beating = true;
        const leader = (async () => {
          while (beating) {
            await store.beat(document.version);
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
        })();
        try {
          const other = engine === "etcd" ? postgres : etcd;
          for (const args of [
            ["copy", led, other],
            ["copy", file, led],
            ["restore", file, "--registry", led],
          ]) {
            writeFileSync(file, encodeFile(document));
            const run = await registry(...args);
            expect(run).toMatchObject({ code: 4, out: "" });
            expect(run.err).toContain("Stop all gateways of the cluster first. Nothing was changed.");
          }
          const backup = path.join(folder.path, "backup.json");
          const { code, out } = await registry("copy", led, backup);
          expect([code, out]).toEqual([0, expect.stringContaining("this copy is a backup")]);
          expect(mapIn(backup).version).toBe(2);
        } finally {
          beating = false;
          await leader;
          await store.close();
        }
      },
    );

    it.each(["PostgreSQL", "etcd"])(
      "registry restore puts a copy back into %s, and keeps what was there",
      async (engine) => {
        const place = engine === "etcd" ? etcd : postgres;
        const store = storeAt(place);
        try {
          const newer = documentOf(clusterMap(["node1", "node2", "node3"]));
          await store.compareAndSet(null, newer, null);
          writeFileSync(file, encodeFile(documentOf(clusterMap(["node1"]))));
          const { code, out } = await registry("restore", file, "--registry", place, "--data", folder.path);
          expect([code, out]).toEqual([
            0,
            expect.stringContaining(`restored ${place}: cluster shop, 4 shards, map version 5`),
          ]);
          const stored = await store.load();
          expect(mapOf(stored ?? newer)).toMatchObject({ version: 5, putBack: { waiting: ["node1"] } });
          expect(mapIn(`${file}.replaced`).nodes.size).toBe(3);
          writeFileSync(file, encodeFile(documentOf(clusterMap([], "c2"))));
          expect((await registry("restore", file, "--registry", place)).err).toContain("belongs to cluster c1");
        } finally {
          await store.close();
        }
      },
    );

    it("registry restore takes the place of a document that is no cluster map, and not of half a registry", async () => {
      const store = storeAt(etcd);
      try {
        writeFileSync(file, encodeFile(documentOf(clusterMap(["node1"]))));
        await store.compareAndSet(null, { version: 7, text: "not a map" }, null);
        const restore = (): Promise<CommandRun> => registry("restore", file, "--registry", etcd, "--data", folder.path);
        expect(await restore()).toMatchObject({ code: 0, err: "" });
        expect((await store.load())?.version).toBe(8);
        await fetch(`${members[0]?.origin}/v3/kv/deleterange`, {
          method: "POST",
          body: JSON.stringify({ key: Buffer.from(`/s${count}/beat`).toString("base64") }),
        });
        expect((await registry("show", "--registry", etcd)).err).toContain("some of its keys are missing");
        expect((await restore()).err).toContain("some of its keys are missing");
      } finally {
        await store.close();
      }
    });

    it("reaches servers with TLS by the CA and certificate that the options name", async () => {
      const authority = new CertificateAuthority();
      const secured = await startEtcd(1, { ...authority.issue(), ca: authority.cert });
      try {
        const own = authority.issue();
        const files = Object.entries({ ca: authority.cert, cert: own.cert, key: own.key }).flatMap(([name, pem]) => {
          const pemFile = path.join(folder.path, `${name}.pem`);
          writeFileSync(pemFile, pem);
          return [`--registry-tls-${name}`, pemFile];
        });
        const place = `${secured[0]?.origin.replace("https", "etcds")}/r`;
        expect(await registry("show", "--registry", place, ...files)).toMatchObject({ code: 3 });
        expect((await registry("show", "--registry", place)).code).toBe(1);
      } finally {
        for (const { run } of secured) await run.stop();
      }
    });

    it("names an address of IPv6 as it is written in URLs", async () => {
      expect((await registry("show", "--registry", "etcd://[::1]:9")).err).toContain("::1:9");
    });

    it("reads the password from a file, and reports neither what it was nor what it is", async () => {
      const passwordFile = path.join(folder.path, "password");
      const withFile = ["--registry", postgres, "--registry-password-file", passwordFile];
      const show = (): Promise<CommandRun> =>
        runCommand(["registry", "show", ...withFile], { overrides: { clock: serverClock } });
      expect(await show()).toMatchObject({
        code: 1,
        err: `shardgate: Cannot use ${passwordFile}: it does not exist.\n`,
      });
      writeFileSync(passwordFile, "\n");
      expect(await show()).toMatchObject({ code: 1, err: `shardgate: Cannot use ${passwordFile}: it is empty.\n` });
      writeFileSync(passwordFile, "hush-hush\n");
      const wrong = await show();
      expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining("password authentication failed") });
      expect(wrong.err).not.toContain("hush-hush");
      writeFileSync(passwordFile, "secret\n");
      expect(await show()).toMatchObject({ code: 3, err: `shardgate: The registry ${postgres} is empty.\n` });
    });
  },
);

describe("options of a registry on servers", () => {
  it.each([
    [
      ["--registry-password-file", "p"],
      "option '--registry-password-file' needs a registry at postgres:// or etcd://.",
    ],
    [["--registry", "etcd://h", "--registry-tls-ca", "ca.pem"], "need a registry that is reached with TLS"],
    [["--registry", "etcds://h", "--registry-tls-cert", "c.pem"], "'--registry-tls-key' need each other"],
    [["--registry", "etcd://u@h"], "names the user u: add --registry-password-file <file>."],
    [["--registry", "postgres://u:secret@h/d"], "option '--registry' contains a password"],
  ])("are refused where they do not go together: %j", async (options, message) => {
    const run = await runCommand(["registry", "show", ...options]);
    expect(run).toMatchObject({ code: 2, out: "", err: expect.stringContaining(message) });
    expect(run.err).not.toContain("secret");
  });

  it("refuse a password for etcd without a user", async () => {
    const passwordFile = path.join(folder.path, "password");
    writeFileSync(passwordFile, "secret");
    const options = ["--registry", "etcd://h", "--registry-password-file", passwordFile];
    expect(await runCommand(["registry", "show", ...options])).toMatchObject({
      code: 2,
      err: expect.stringContaining("etcd://user@host/prefix"),
    });
  });

  it("refuse a password in the variable of the option, too", async () => {
    process.env["SHARDGATE_REGISTRY"] = "postgres://u:secret@h/d";
    try {
      for (const command of [
        ["registry", "show"],
        ["gateway", "--port", "0"],
      ]) {
        const run = await runCommand(command);
        expect(run).toMatchObject({ code: 2, out: "", err: expect.stringContaining("contains a password") });
        expect(run.err).not.toContain("secret");
      }
    } finally {
      delete process.env["SHARDGATE_REGISTRY"];
    }
  });
});
