/** `shardgate dev`, as a new user runs it. */
import { afterEach, describe, expect, it } from "vitest";
import { graphqlData } from "../support/gateway-calls.js";
import { eventually, freePorts, shardgate, temporaryFolder, type Run } from "../support/processes.js";

const folder = temporaryFolder();
const runs: Run[] = [];
afterEach(async () => {
  await Promise.all(runs.splice(0).map((run) => run.stop()));
  folder.remove();
});

async function dev(port: number, more: readonly string[] = []): Promise<Run> {
  const run = shardgate(["dev", "--port", String(port), "--data", folder.path, ...more]);
  runs.push(run);
  await run.prints(new RegExp(`^ready http://127\\.0\\.0\\.1:${port}/graphql$`, "m"));
  return run;
}

describe("shardgate dev", () => {
  it("serves GraphQL, REST and three nodes with the same value, stops cleanly, and finds its data again", async () => {
    const [port = 0, ...nodePorts] = await freePorts(4);
    const origin = `http://127.0.0.1:${port}`;
    const first = await dev(port, ["--shards", "4"]);
    for (const used of [port, ...nodePorts]) expect(first.stdout + first.stderr).toContain(`127.0.0.1:${used}`);

    const text = '{"b":1.10,"2":[9007199254740993,12345678901234567890],"1":1e400,"__proto__":-0}';
    const response = await fetch(`${origin}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `{"query":"mutation ($v: JSON!) { put(key: \\"user123\\", value: $v) { ... on PutSuccess { entry { valueText shard { number primary { name url } } } } } }","variables":{"v":${text}}}`,
    });
    const { data } = (await response.json()) as {
      data: {
        put: { entry: { valueText: string; shard: { number: number; primary: { name: string; url: string } } } };
      };
    };
    const { entry } = data.put;
    expect(entry.shard.number).toBe(2);
    expect(entry.valueText).toBe(text);
    const rest = await fetch(`${origin}/data/user123`);
    expect(await rest.text()).toBe(text);
    expect(rest.headers.get("x-shard")).toBe("2");
    expect(rest.headers.get("x-node")).toBe(entry.shard.primary.name);
    const direct = await fetch(`${entry.shard.primary.url}/shard/2/store/user123`);
    expect(await direct.text()).toBe(text);
    const graphqlText = await (
      await fetch(`${origin}/graphql?query=${encodeURIComponent('{get(key:"user123"){value}}')}`)
    ).text();
    expect(graphqlText).toBe(`{"data":{"get":{"value":${text}}}}`);

    expect(await first.stop("SIGINT")).toBe(0);
    for (const used of [port, ...nodePorts]) {
      await expect(fetch(`http://127.0.0.1:${used}/health`)).rejects.toThrow();
    }

    await dev(port);
    expect(await graphqlData(origin, '{ get(key: "user123") { valueText } cluster { shardCount isHealthy } }')).toEqual(
      {
        get: { valueText: text },
        cluster: { shardCount: 4, isHealthy: true },
      },
    );
  });

  it("reports in one line that a port is in use, before anything starts", async () => {
    const [port = 0] = await freePorts(4);
    await dev(port, ["--engine", "memory"]);
    const second = shardgate(["dev", "--port", String(port), "--data", `${folder.path}/other`]);
    runs.push(second);
    expect(await second.ended()).toBe(1);
    expect(second.stderr.trim().split("\n")).toHaveLength(1);
    expect(second.stderr).toContain(String(port));
  });

  it("ends its children when it is killed", async () => {
    const [port = 0, ...nodePorts] = await freePorts(4);
    const run = await dev(port, ["--engine", "memory"]);
    await run.stop("SIGKILL");
    await eventually(async () => {
      for (const used of [port, ...nodePorts]) {
        await expect(fetch(`http://127.0.0.1:${used}/health`)).rejects.toThrow();
      }
    });
  });
});
