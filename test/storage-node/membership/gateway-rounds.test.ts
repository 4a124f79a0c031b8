import { describe, expect, it } from "vitest";
import { ShardgateError, type ErrorCode } from "../../../src/core/error.js";
import { GatewayRounds } from "../../../src/storage-node/membership/gateway-rounds.js";
import type { NodeAssignments } from "../../../src/wire/membership.js";
import { FakeClock } from "../../support/fake-clock.js";
import { RecordLog } from "../../support/record-log.js";
import { assignments } from "../operations.js";

const [a, b, c] = ["http://a", "http://b", "http://c"] as const;
const good = assignments(1, {});
const registration = { id: "node1", url: "http://node1" };

type Answer = NodeAssignments | Error;

/** Gateways whose answers a test sets; what has none is silent. */
function gateways(urls: readonly string[] = [a, b, c]) {
  const clock = new FakeClock();
  const log = new RecordLog();
  const answers = new Map<string, Answer>();
  const asked: string[] = [];
  const timeouts: number[] = [];
  let closed = 0;
  const post = async (url: string, _body: string, timeoutMs: number): Promise<NodeAssignments> => {
    asked.push(url);
    timeouts.push(timeoutMs);
    const answer = answers.get(new URL(url).origin) ?? new Error("No answer.");
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const close = async (): Promise<void> => void closed++;
  const rounds = new GatewayRounds({ gatewayUrls: urls, calls: { post, close }, clock, log });
  const heartbeat = () => rounds.heartbeat("node1", {});
  /** Which gateways the call asked. */
  const askedBy = async (call: () => Promise<unknown>): Promise<readonly string[]> => {
    asked.length = 0;
    await call().catch(() => undefined);
    return asked.map((url) => new URL(url).origin);
  };
  return { rounds, clock, log, answers, asked, timeouts, heartbeat, askedBy, closed: () => closed };
}

function refusal(code: ErrorCode, message = "No."): ShardgateError {
  return new ShardgateError(code, message);
}

describe("a storage node's calls to several gateways", () => {
  it("go to the first one that gives a usable answer, and stay there", async () => {
    const { answers, heartbeat, askedBy, rounds } = gateways();
    answers.set(b, good);
    expect(await askedBy(heartbeat)).toEqual([a, b]);
    expect(await askedBy(heartbeat)).toEqual([b]);
    expect(rounds.url).toBe(b);
  });

  it("have the path of the call, whether the URL ends with a slash or not", async () => {
    const { answers, rounds, asked } = gateways(["http://a/base/", b]);
    answers.set(b, good);
    await rounds.register(registration);
    await rounds.heartbeat("node 1", {});
    expect(asked).toEqual(["http://a/base/nodes", "http://b/nodes", "http://b/nodes/node%201/heartbeat"]);
  });

  it("follow the leader that an answer names, and come back when it is silent", async () => {
    const { answers, heartbeat, askedBy } = gateways([a, b]);
    answers.set(a, { ...good, leader: c });
    answers.set(c, good);
    expect(await askedBy(heartbeat)).toEqual([a]);
    expect(await askedBy(heartbeat)).toEqual([c]);
    answers.delete(c);
    expect(await askedBy(heartbeat)).toEqual([c, a]);
    expect(await askedBy(heartbeat)).toEqual([a]);
  });

  it.each(["REGISTRY_UNAVAILABLE", "REGISTRY_CONFLICT", "OVERLOADED", "INTERNAL_SERVER_ERROR"] as const)(
    "go on to the next gateway after %s",
    async (code) => {
      const { answers, heartbeat, askedBy } = gateways();
      answers.set(a, refusal(code));
      answers.set(b, good);
      expect(await askedBy(heartbeat)).toEqual([a, b]);
    },
  );

  it.each(["NODE_CONFLICT", "CLUSTER_MISMATCH", "UNAUTHENTICATED", "STORE_NOT_RECOGNIZED"] as const)(
    "end with %s, which every gateway would answer, and begin anew",
    async (code) => {
      const { answers, heartbeat, askedBy } = gateways();
      answers.set(b, refusal(code));
      answers.set(c, good);
      expect(await askedBy(heartbeat)).toEqual([a, b]);
      expect(await askedBy(heartbeat)).toEqual([a, b]);
    },
  );

  it.each(["NODE_NOT_FOUND", "REGISTRY_PUT_BACK"] as const)(
    "register at the gateway that asks for it with %s",
    async (code) => {
      const { answers, heartbeat, askedBy, rounds } = gateways([a, b]);
      answers.set(a, { ...good, leader: c });
      await heartbeat();
      answers.set(c, refusal(code));
      await expect(heartbeat()).rejects.toMatchObject({ code });
      expect(await askedBy(() => rounds.register(registration))).toEqual([c]);
    },
  );

  it("do not wait for a gateway that was silent just before while another answers, which may lead soon", async () => {
    const { answers, heartbeat, askedBy, clock } = gateways();
    answers.set(b, refusal("REGISTRY_UNAVAILABLE"));
    answers.set(c, refusal("REGISTRY_UNAVAILABLE"));
    expect(await askedBy(heartbeat)).toEqual([a, b, c]);
    expect(await askedBy(heartbeat)).toEqual([b, c]);
    await clock.advance(3_000);
    expect(await askedBy(heartbeat)).toEqual([b, c, a]);
    answers.delete(b);
    answers.delete(c);
    answers.set(a, good);
    expect(await askedBy(heartbeat)).toEqual([b, c, a]);
  });

  it("reject with what a gateway said when none gives a usable answer", async () => {
    const { answers, heartbeat } = gateways();
    await expect(heartbeat()).rejects.toThrow("No answer.");
    answers.set(b, refusal("REGISTRY_UNAVAILABLE", "No gateway leads."));
    await expect(heartbeat()).rejects.toThrow("No gateway leads.");
  });

  it("log each gateway's failure once until it answers again, and where the node reports now", async () => {
    const { answers, heartbeat, log } = gateways([a, b]);
    answers.set(a, good);
    await heartbeat();
    answers.delete(a);
    for (let count = 0; count < 3; count++) await heartbeat().catch(() => undefined);
    answers.set(b, good);
    await heartbeat();
    await heartbeat();
    expect(log.lines.map(({ level, facts: { gatewayUrl } }) => [level, gatewayUrl])).toEqual([
      ["warn", a],
      ["warn", b],
      ["info", b],
    ]);
    answers.delete(b);
    await heartbeat().catch(() => undefined);
    expect(log.lines.at(-1)).toMatchObject({ level: "warn", facts: { gatewayUrl: b } });
  });

  it("log nothing of their own where there is one gateway", async () => {
    const { answers, heartbeat, log } = gateways([a]);
    await heartbeat().catch(() => undefined);
    answers.set(a, good);
    await heartbeat();
    expect(log.lines).toEqual([]);
  });

  it("wait less for a heartbeat where another gateway can be asked", async () => {
    const several = gateways();
    await several.heartbeat().catch(() => undefined);
    expect(several.timeouts).toEqual([1_000, 1_000, 1_000]);
    const single = gateways([a]);
    await single.heartbeat().catch(() => undefined);
    expect(single.timeouts).toEqual([2_000]);
  });

  it("ask no other gateway once they are closed", async () => {
    const { rounds, heartbeat, askedBy, closed, log } = gateways();
    const asking = askedBy(heartbeat);
    await rounds.close();
    expect(await asking).toEqual([a]);
    expect([closed(), log.lines]).toEqual([1, []]);
  });
});
