/**
 * The commands of docs/how-to/three-machines.md, with real etcd, nginx and openssl: each machine has a loopback address and
 * a folder of its own, and a shell into which the commands are typed. Only what would change this machine is not run.
 */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseKey } from "../../src/core/key.js";
import { shardOfKey } from "../../src/core/shard.js";
import type { NodeRow, ShardRow } from "../support/cluster-calls.js";
import { CommandPlace } from "../support/command-place.js";
import { etcdPath } from "../support/etcd.js";
import { examplesIn, fulfil, type Example } from "../support/markdown-examples.js";
import { nginxPath, runNginx } from "../support/nginx.js";
import { eventually, Run, Stop } from "../support/processes.js";

const page = "docs/how-to/three-machines.md";
const examples = examplesIn("docs/how-to/three-machines.md");
const missing = [
  process.platform === "linux" ? [] : ["Linux, where each process can have a loopback address of its own"],
  etcdPath === undefined ? ["etcd"] : [],
  nginxPath === undefined ? ["nginx"] : [],
].flat();
const shardCount = 64;
const machineNumbers = [1, 2, 3] as const;

const octet = (): number => 1 + Math.floor(Math.random() * 254);
/** In place of `10.0.0.`: no other test has it, so the ports can be those of the page. */
const network = `127.${octet()}.${octet()}.`;
const balancer = `http://${network}10:8080`;

function located(code: string): string {
  return code.replaceAll("http://10.0.0.10", balancer).replaceAll("10.0.0.", network);
}

function exampleUnder(heading: string, index = 0): Example {
  return examples.filter((example) => example.heading === heading)[index] ?? expect.fail(`No block under ${heading}.`);
}

/** A shell on a machine, which runs what is typed into it. */
class Machine {
  readonly number: number;
  readonly #folder: string;
  readonly #shell: Run;
  #typed = 0;

  constructor(number: number, place: CommandPlace) {
    this.number = number;
    this.#folder = path.join(place.path, network + number);
    mkdirSync(this.#folder, { recursive: true });
    const settings = {
      HOME: this.#folder,
      PATH: `${place.path}/bin:${process.env["PATH"]}`,
      SHARDGATE_DRAIN_DELAY: "0",
    };
    this.#shell = new Run("bash", [], settings, this.#folder);
  }

  /** Resolves when the shell has run the commands; what they started in the background goes on. */
  async type(code: string): Promise<void> {
    const mark = `typed ${++this.#typed}`;
    this.#shell.child.stdin.write(`${located(code.replace("n=1\n", `n=${this.number}\n`))}\necho ${mark}\n`);
    await this.#shell.prints(new RegExp(`^${mark}$`, "m"));
  }

  /** The end of what its programs logged, for messages of failed tests. */
  get logs(): string {
    const files = ["etcd.log", "gateway.log", "node.log"].map((file) => path.join(this.#folder, "shardgate", file));
    return files.map((file) => `${file}\n${readFileSync(file, "utf8").slice(-2_000)}`).join("\n");
  }

  async close(): Promise<void> {
    this.#shell.child.stdin.end("kill -9 $(jobs -p); wait\n");
    await this.#shell.ended();
  }
}

it("the page about three machines has these blocks, which the other tests run", () => {
  expect(examples.map(({ heading, language }) => `${heading.split(".")[0]} ${language}`)).toEqual([
    "1 sh",
    "2 sh",
    "3 sh",
    "4 nginx",
    "5 sh",
    "6 sh",
    "6 sh",
    "7 sh",
    "8 sh",
    "9 sh",
  ]);
});

describe.skipIf(missing.length > 0)(`${page} (needs ${missing.join(", ") || "nothing else"})`, () => {
  let place: CommandPlace;
  let machines: readonly Machine[] = [];
  let nginx: Run;
  let token = "";

  beforeAll(async () => {
    place = await CommandPlace.open();
    place.write("bin/scp", `#!/bin/sh\nexec cp -r "$2" "${place.path}/\${3%%:*}/\${3#*:}"\n`, 0o755);
    place.write("bin/sudo", `#!/bin/sh\necho "$*" >> ${place.path}/called\n`, 0o755);
    machines = machineNumbers.map((number) => new Machine(number, place));
  });
  afterAll(async () => {
    await Promise.all(machines.map((machine) => machine.close()));
    await nginx.stop();
    place.remove();
  });

  /** Runs the block, and resolves to whether it keeps its promise. */
  async function runHere({ code, promised }: Example): Promise<void> {
    const output = (await place.run(located(code))).trim();
    if (promised === null) return;
    const isJson = promised.startsWith("{");
    const actual: unknown = isJson ? JSON.parse(output) : output;
    const wanted = located(promised).replace(/…\n/g, "…").trim();
    expect(actual).toEqual(fulfil(isJson ? JSON.parse(wanted) : wanted, actual));
  }

  async function ask<Answer>(name: string): Promise<Answer> {
    const response = await fetch(balancer + name, { headers: { authorization: `Bearer ${token}` } });
    return (await response.json()) as Answer;
  }

  async function leader(): Promise<string> {
    const { gateways } = await ask<{ readonly gateways: readonly GatewayRow[] }>("/gateways");
    const name = gateways.find(({ isLeader }) => isLeader)?.name;
    return name ?? expect.fail(`No gateway leads: ${JSON.stringify(gateways)}`);
  }

  /** The names of the storage nodes of all shards. */
  async function owners(): Promise<readonly (string | null)[]> {
    const { shards } = await ask<{ readonly shards: readonly ShardRow[] }>("/shards");
    return shards.map(({ nodeId }) => nodeId);
  }

  async function states(): Promise<readonly string[]> {
    const { nodes } = await ask<{ readonly nodes: readonly NodeRow[] }>("/nodes");
    return nodes.map(({ state }) => state);
  }

  function put(key: string, value: unknown): Promise<Response> {
    const init = { method: "PUT", headers: { authorization: `Bearer ${token}` }, body: JSON.stringify(value) };
    return fetch(`${balancer}/data/${key}`, init);
  }

  async function get(key: string): Promise<readonly [status: number, body: unknown]> {
    const response = await fetch(`${balancer}/data/${key}`, { headers: { authorization: `Bearer ${token}` } });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json");
    return [response.status, isJson === true ? JSON.parse(text) : text];
  }

  /** Writes and reads keys of other storage nodes than `node` while `work` goes on; all must succeed. */
  async function whileClientsGoOn(node: string, work: () => Promise<void>): Promise<void> {
    const ownerOf = await owners();
    let isOver = false;
    const failures: unknown[] = [];
    const written: string[] = [];
    const client = async (name: string): Promise<void> => {
      for (let count = 0; !isOver; count++) {
        const key = `${node}-${name}-${count}`;
        if (ownerOf[shardOfKey(parseKey(key), shardCount)] === node) continue;
        const answer = await put(key, count);
        if (answer.ok) written.push(key);
        else failures.push([key, answer.status, await answer.text()]);
        const [status, body] = await get(key);
        if (status !== 200 || body !== count) failures.push([key, status, body]);
      }
    };
    const clients = Promise.all(["a", "b", "c", "d"].map(client));
    try {
      await work();
    } finally {
      isOver = true;
      await clients;
    }
    expect(failures, nginx.stderr).toEqual([]);
    expect(written.length).toBeGreaterThan(10);
    for (const key of written) expect((await get(key))[0], key).toBe(200);
  }

  /** A key of the storage node, which is written. */
  async function keyOf(node: string): Promise<string> {
    const ownerOf = await owners();
    const names = Array.from({ length: 1_000 }, (_, index) => `key${index}`);
    const key = names.find((name) => ownerOf[shardOfKey(parseKey(name), shardCount)] === node) ?? "";
    await eventually(async () => expect((await put(key, node)).ok).toBe(true));
    return key;
  }

  async function untilWhole(): Promise<void> {
    await eventually(() => runHere(exampleUnder("8. Bring it back")), 40_000);
    await eventually(async () => {
      expect(await states()).toEqual(["UP", "UP", "UP"]);
      const { gateways } = await ask<{ readonly gateways: readonly GatewayRow[] }>("/gateways");
      expect(gateways.length, machines.map(({ logs }) => logs).join("\n")).toBe(3);
    }, 40_000);
    // A gateway that found a storage node away does not call it again at once.
    for (const key of await Promise.all(["node1", "node2", "node3"].map(keyOf))) {
      for (const number of machineNumbers) {
        const url = `https://10.0.0.${number}:4000/data/${key}`;
        const command = `curl -sSf --cacert common/ca.crt -H "authorization: Bearer $(cat operator-token)" ${url}`;
        await eventually(() => place.run(located(command)));
      }
    }
  }

  const start = (machine: Machine): Promise<void> => machine.type(exampleUnder("3. Start").code);

  it("makes the files of each machine", async () => {
    await runHere(exampleUnder("1. Make certificates, secret and token"));
    token = readFileSync(path.join(place.path, "operator-token"), "utf8").trim();
  });

  it("installs programs that there are", async () => {
    rmSync(path.join(place.path, "called"), { force: true });
    await runHere(exampleUnder("2. Install"));
    const called = readFileSync(path.join(place.path, "called"), "utf8").trim().split("\n");
    expect(called).toEqual([
      "apt-get install --yes etcd-server",
      "systemctl disable --now etcd",
      "npm install --global shardgate",
    ]);
  });

  it("starts three machines, one after the other, and serves through nginx", async () => {
    for (const machine of machines) await start(machine);
    const block = exampleUnder("4. Put nginx in front")
      .code.replace("listen 80;", `listen ${new URL(balancer).host};`)
      .replace("/etc/nginx/shardgate-ca.crt", path.join(place.path, "common/ca.crt"));
    mkdirSync(path.join(place.path, "nginx"));
    nginx = runNginx(path.join(place.path, "nginx"), located(block));
    await eventually(async () => {
      if (!nginx.isRunning) throw new Stop(nginx.stderr);
      const response = await fetch(`${balancer}/ready`);
      const body = await response.text();
      expect(response.status, machines.map(({ logs }) => logs).join("\n") + body + nginx.stderr).toBe(200);
    });
    await untilWhole();
    await runHere(exampleUnder("5. Put and get"));
    await runHere(exampleUnder("6. Look"));
    await eventually(() => runHere(exampleUnder("6. Look", 1)));
  });

  it("loses the machine whose gateway leads: clients of other shards do not notice, and it comes back", async () => {
    const leading = await leader();
    const lost = machines.find(({ number }) => leading === `${network}${number}:4000`) ?? expect.fail(leading);
    const node = `node${lost.number}`;
    const key = await keyOf(node);
    await whileClientsGoOn(node, async () => {
      await lost.type(exampleUnder("7. Lose a machine").code);
      await eventually(async () => expect(await leader()).not.toContain(`${network}${lost.number}:`), 40_000);
      await eventually(async () => expect((await states()).toSorted()).toEqual(["DOWN", "UP", "UP"]), 40_000);
      expect(await get(key)).toMatchObject([503, { code: "SHARD_UNAVAILABLE" }]);
    });
    await whileClientsGoOn(node, async () => {
      await start(lost);
      await untilWhole();
    });
    expect(await get(key)).toEqual([200, node]);
  });

  it("upgrades a machine: clients of other shards do not notice", async () => {
    const upgraded = machines.find(({ number }) => number === 2) ?? expect.fail();
    await whileClientsGoOn("node2", async () => {
      await upgraded.type(exampleUnder("9. Upgrade").code);
      await start(upgraded);
      await untilWhole();
    });
  });
});

interface GatewayRow {
  readonly name: string | null;
  readonly isLeader: boolean;
}
