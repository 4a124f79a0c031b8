import { describe, expect, it } from "vitest";
import type { JsonText } from "../../src/core/text/json-text.js";
import { valueBytesMax } from "../../src/core/limits.js";
import type { RoutedOperation } from "../../src/core/operation.js";
import { batchService } from "../../src/storage-node/batch-service.js";
import { decodeBatchAnswer, encodeBatchRequest } from "../../src/wire/batch/batch-body.js";
import { get, put } from "./operations.js";
import { runNode } from "./running-node.js";
import { kinds, openHost } from "./running-host.js";

const metrics = { batchTaken() {} };
const tokens = { gatewayToken: "from-gateway", nodeToken: "from-node", peerToken: "from-peer" };
const proof = { authorization: "Bearer from-gateway" };
const said = { "x-shardgate-values": "checked" };
const noJson = "{" as JsonText;

async function answered(batch: readonly RoutedOperation[], areValuesChecked: boolean) {
  const { host } = await openHost();
  const answer = await batchService(host, metrics)(encodeBatchRequest(batch), { areValuesChecked });
  return decodeBatchAnswer(answer, batch);
}

describe("the service of batches", () => {
  it("reads the body before it returns", async () => {
    const { host } = await openHost();
    const answer = batchService(host, metrics);
    const batch = [put("a", '"first"')];
    const body = encodeBatchRequest(batch);
    const written = answer(body, {});
    body.fill(0x20);
    expect(kinds(decodeBatchAnswer(await written, batch))).toEqual(["written"]);
    const reading = [get("a")];
    const found = decodeBatchAnswer(await answer(encodeBatchRequest(reading), {}), reading);
    expect(found).toMatchObject([{ entry: { value: '"first"' } }]);
  });

  it("rejects a body that is invalid as a whole, and runs nothing of it", async () => {
    const { host, engine } = await openHost();
    const answer = batchService(host, metrics);
    await expect(answer(Buffer.from("{}"), {})).rejects.toMatchObject({ code: "BAD_REQUEST" });
    expect(engine.writes).toEqual([]);
  });

  it("refuses a value that is not JSON when the caller has not checked values", async () => {
    expect(await answered([put("a", "1"), put("b", noJson)], false)).toMatchObject([
      { kind: "written" },
      { kind: "refused", code: "INVALID_VALUE" },
    ]);
  });

  it("accepts checked values unchanged, except empty ones and those that are too long", async () => {
    const tooLong = `"${"x".repeat(valueBytesMax)}"` as JsonText;
    expect(await answered([put("a", noJson), put("b", "" as JsonText), put("c", tooLong)], true)).toMatchObject([
      { kind: "written" },
      { kind: "refused", code: "INVALID_VALUE" },
      { kind: "refused", code: "INVALID_VALUE" },
    ]);
  });

  it("refuses a value that is not UTF-8 even when the caller has checked values", async () => {
    const { host } = await openHost();
    const batch = [put("a", '"x"'), put("b", '"y"')];
    const body = encodeBatchRequest(batch);
    body[body.length - 5] = 0xff;
    const answer = await batchService(host, metrics)(body, { areValuesChecked: true });
    expect(decodeBatchAnswer(answer, batch)).toMatchObject([
      { kind: "refused", code: "INVALID_VALUE" },
      { kind: "written" },
    ]);
  });
});

describe("a storage node trusts that values were checked", () => {
  it.each([
    ["of a caller with the cluster's secret who says so", tokens, { ...proof, ...said }, "written"],
    ["of no caller who does not say so", tokens, proof, "refused"],
    ["of no caller who says anything else", tokens, { ...proof, "x-shardgate-values": "yes" }, "refused"],
    ["of no caller where there is no secret", null, { ...proof, ...said }, "refused"],
  ])("%s", async (_, own, headers, kind) => {
    const { send } = await runNode({ tokens: own });
    const batch = [put("a", noJson)];
    const answer = await send("/batch", { method: "POST", body: encodeBatchRequest(batch), headers });
    expect(kinds(decodeBatchAnswer(answer.body, batch))).toEqual([kind]);
  });

  it("never for a caller without the secret, when there is a secret", async () => {
    const { send } = await runNode({ tokens });
    const body = encodeBatchRequest([put("a", noJson)]);
    expect((await send("/batch", { method: "POST", body, headers: said })).status).toBe(401);
  });
});
