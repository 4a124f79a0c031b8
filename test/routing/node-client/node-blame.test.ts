import { describe, expect, it } from "vitest";
import { countsAgainstNode, isNodesFault, tellingAttemptMs } from "../../../src/routing/node-client/node-blame.js";
import { NodeFault, type NodeFaultReason } from "../../../src/routing/node-client/node-client.js";

const fault = (reason: NodeFaultReason): NodeFault => new NodeFault(reason, "node1 failed", false);
const wholeAttempt = { sentMs: 1_000, timeoutMs: tellingAttemptMs, lastAnswerMs: null };

describe("a failed batch", () => {
  it.each([
    "addressRefused",
    "connectionRefused",
    "connectTimeout",
    "connectionReset",
    "serverError",
    "redirect",
    "malformedAnswer",
  ] as const)("counts against its storage node for %s", (reason) => {
    expect(isNodesFault(fault(reason))).toBe(true);
    expect(countsAgainstNode(fault(reason), { sentMs: 1_000, timeoutMs: 1, lastAnswerMs: 2_000 })).toBe(true);
  });

  it.each(["aborted", "answerTooLarge", "slowAnswer", "requestFailed", "noConnection", "gatewayBug"] as const)(
    "does not count against its storage node for %s",
    (reason) => {
      expect(isNodesFault(fault(reason))).toBe(false);
      expect(countsAgainstNode(fault(reason), wholeAttempt)).toBe(false);
    },
  );

  it("counts when the storage node was silent for a whole attempt", () => {
    expect(countsAgainstNode(fault("timeout"), wholeAttempt)).toBe(true);
    expect(countsAgainstNode(fault("timeout"), { ...wholeAttempt, lastAnswerMs: 999 })).toBe(true);
  });

  it("does not count when the deadline of its callers cut the attempt short", () => {
    expect(countsAgainstNode(fault("timeout"), { ...wholeAttempt, timeoutMs: tellingAttemptMs - 1 })).toBe(false);
  });

  it("does not count when the storage node answered another batch meanwhile", () => {
    expect(countsAgainstNode(fault("timeout"), { ...wholeAttempt, lastAnswerMs: 1_000 })).toBe(false);
  });
});
