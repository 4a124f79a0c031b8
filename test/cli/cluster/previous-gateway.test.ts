/** `status` at a gateway of the previous release, whose schema has no `Cluster.gateways`. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { FakeGateway } from "../fake-gateway.js";
import { runCommand } from "../run-command.js";

let gateway: FakeGateway;
/** The code with which the gateway refuses documents that name `gateways`. */
let code: string;

beforeEach(async () => {
  const cluster = { name: "old", mapVersion: 7, shardCount: 0, shards: [], storageNodes: [] };
  gateway = new FakeGateway();
  gateway.interrupt = ({ body }) => {
    const errors = [{ message: 'Cannot query field "gateways" on type "Cluster"', extensions: { code } }];
    return { body: JSON.stringify(body.includes("gateways") ? { errors } : { data: { cluster } }) };
  };
  await gateway.start();
});
afterEach(() => gateway.stop());

it("asks a gateway that does not know the field `gateways` again without it", async () => {
  code = "GRAPHQL_VALIDATION_FAILED";
  const text = await runCommand(["status", "-e", gateway.url]);
  expect(text).toMatchObject({ code: 0, out: expect.stringMatching(/^cluster {6}old\n/), err: "" });
  const json = await runCommand(["status", "-e", gateway.url, "-o", "json"]);
  expect(JSON.parse(json.out)).toMatchObject({ name: "old", mapVersion: 7, gateways: [] });
  expect(gateway.bodies).toHaveLength(4);
});

it("asks only once when the request is refused for any other reason", async () => {
  code = "OVERLOADED";
  const { err } = await runCommand(["status", "-e", gateway.url]);
  expect(err).toContain("(OVERLOADED)");
  expect(gateway.bodies).toHaveLength(1);
});
