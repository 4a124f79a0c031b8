/** Commands at a gateway of the previous release, whose schema has neither `Cluster.gateways` nor `StorageNode.isDraining`. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { FakeGateway } from "../fake-gateway.js";
import { runCommand } from "../run-command.js";

let gateway: FakeGateway;
/** The code with which the gateway refuses documents that name one of them. */
let code: string;

const node = {
  name: "node1",
  url: "http://n",
  state: "UP",
  latencyMs: null,
  lastSeenAt: null,
  shards: [],
  problem: null,
};

beforeEach(async () => {
  const storageNodes = [{ ...node, staleShards: [] }];
  const cluster = { name: "old", mapVersion: 7, shardCount: 0, shards: [], storageNodes };
  const data = { cluster, storageNodes, registerStorageNode: { storageNode: storageNodes[0] } };
  gateway = new FakeGateway();
  gateway.interrupt = ({ body }) => {
    const errors = [{ message: 'Cannot query field "isDraining" on type "StorageNode"', extensions: { code } }];
    return { body: JSON.stringify(/isDraining|gateways/.test(body) ? { errors } : { data }) };
  };
  await gateway.start();
});
afterEach(() => gateway.stop());

it("ask a gateway that does not know the field `isDraining` again without it", async () => {
  code = "GRAPHQL_VALIDATION_FAILED";
  const text = await runCommand(["status", "-e", gateway.url]);
  expect(text).toMatchObject({ code: 0, out: expect.stringMatching(/^cluster {6}old\n/), err: "" });
  const json = await runCommand(["status", "-e", gateway.url, "-o", "json"]);
  expect(JSON.parse(json.out)).toMatchObject({
    name: "old",
    mapVersion: 7,
    gateways: [],
    storageNodes: [{ isDraining: false }],
  });
  expect(gateway.bodies).toHaveLength(4);
  for (const argv of [["ls"], ["add", "node1", "http://n"]]) {
    expect(await runCommand(["node", ...argv, "-e", gateway.url])).toMatchObject({ code: 0, err: "" });
  }
});

it("ask only once when the request is refused for any other reason", async () => {
  code = "OVERLOADED";
  const { err } = await runCommand(["status", "-e", gateway.url]);
  expect(err).toContain("(OVERLOADED)");
  expect(gateway.bodies).toHaveLength(1);
});
