import { describe, expect, it } from "vitest";
import { AnswerCollector } from "../../../src/routing/node-client/answer-collector.js";
import { NodeFault } from "../../../src/routing/node-client/node-client.js";
import { faultOfAnswer, faultOfError, type RawNodeAnswer } from "../../../src/routing/node-client/node-exchange.js";

const withCode = (code: string) => Object.assign(new Error("it failed"), { code });

const answer = (status: number, body = "", mediaType = "") => ({ status, mediaType, body: Buffer.from(body) });

function collect() {
  const settled: (RawNodeAnswer | NodeFault)[] = [];
  const collector = new AnswerCollector("node2", 10, {
    onAnswer: (answer) => settled.push(answer),
    onFault: (fault) => settled.push(fault),
  });
  const aborted: Error[] = [];
  const controller = { abort: (reason: Error) => void aborted.push(reason) };
  return { settled, collector, controller, aborted };
}

describe("faultOfError", () => {
  it.each([
    ["ECONNREFUSED", "connectionRefused", "node2 refused the connection"],
    ["UND_ERR_CONNECT_TIMEOUT", "connectTimeout", "node2 could not be connected to in time"],
    ["ETIMEDOUT", "connectTimeout", "node2 could not be connected to in time"],
    ["ENOTFOUND", "unreachable", "node2 could not be connected to (ENOTFOUND)"],
    ["UND_ERR_DESTROYED", "aborted", "node2 is no longer used"],
    ["EMFILE", "noConnection", "node2 could not be connected to: the gateway can open no further connection (EMFILE)"],
    ["EADDRNOTAVAIL", "noConnection", expect.stringContaining("the gateway can open no further connection")],
  ])("knows that %s before the request was sent had no effect", (code, reason, message) => {
    expect(faultOfError(withCode(code), "node2", false)).toMatchObject({ reason, message, isUnsent: true });
  });

  it.each([
    ["UND_ERR_SOCKET", "connectionReset"],
    ["ECONNRESET", "connectionReset"],
    ["HPE_INVALID_CONSTANT", "malformedAnswer"],
    ["UND_ERR_HEADERS_OVERFLOW", "malformedAnswer"],
    ["UND_ERR_CLOSED", "aborted"],
  ])("assumes nothing about %s after the request was sent", (code, reason) => {
    expect(faultOfError(withCode(code), "node2", true)).toMatchObject({ reason, isUnsent: false });
  });

  it("describes errors without a code, and thrown values that are not errors", () => {
    expect(faultOfError(new TypeError("no"), "node2", false).message).toContain("(TypeError)");
    expect(faultOfError("no", "node2", true).message).toContain("(unknown)");
  });

  it("returns faults unchanged", () => {
    const fault = new NodeFault("timeout", "node2 did not answer in time", false);
    expect(faultOfError(fault, "node2", true)).toBe(fault);
  });
});

describe("faultOfAnswer", () => {
  it("distinguishes redirects, failures and invalid answers", () => {
    expect(faultOfAnswer(answer(302), "node2").reason).toBe("redirect");
    expect(faultOfAnswer(answer(502, "<html>"), "node2")).toMatchObject({ reason: "serverError", isUnsent: false });
    expect(faultOfAnswer(answer(200, "", "text/html"), "node2").message).toContain("(status 200, text/html)");
  });
});

describe("AnswerCollector", () => {
  const timeout = new NodeFault("timeout", "node2 did not answer in time", false);

  it("prevents a request that was cancelled before from being sent", () => {
    const { settled, collector, controller, aborted } = collect();
    collector.giveUp(timeout);
    collector.onRequestStart(controller);
    expect(aborted).toHaveLength(1);
    expect(settled).toMatchObject([{ reason: "timeout", isUnsent: true }]);
  });

  it("settles once", () => {
    const { settled, collector, controller } = collect();
    collector.onRequestStart(controller);
    collector.onResponseStart(controller, 200, { "content-type": "Text/Plain; charset=utf-8" });
    collector.onResponseData(controller, Buffer.from("0123456789"));
    collector.onResponseEnd();
    collector.onResponseEnd();
    collector.onResponseError(controller, new Error("late"));
    collector.giveUp(timeout);
    expect(settled).toEqual([{ status: 200, mediaType: "text/plain", body: Buffer.from("0123456789") }]);
  });

  it("aborts an answer at the first byte beyond the bound", () => {
    const { settled, collector, controller, aborted } = collect();
    collector.onRequestStart(controller);
    collector.onResponseData(controller, Buffer.from("0123456789"));
    expect(aborted).toEqual([]);
    collector.onResponseData(controller, Buffer.from("x"));
    collector.onResponseData(controller, Buffer.from("x"));
    expect(aborted.length).toBeGreaterThan(0);
    expect(settled).toMatchObject([{ reason: "answerTooLarge", isUnsent: false }]);
  });
});
