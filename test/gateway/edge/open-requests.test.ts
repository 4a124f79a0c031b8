import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { gatewayConnectionCheckMs } from "../../../src/core/limits.js";
import { fakeExchange, openRequests } from "./open-requests.js";
import {
  gatewayBodyGraceMs,
  gatewayBodyBytesPerSecondMin,
  gatewayDiscardMs,
  gatewaySendTimeoutMs,
} from "../../../src/gateway/edge/open-request.js";

describe("open requests", () => {
  it("end with their answers", () => {
    const { requests } = openRequests();
    const { both, response, socket } = fakeExchange("a");
    const open = requests.begin(...both);
    expect(requests.of(both[0])).toBe(open);
    response.emit("close");
    expect(requests.endBehindAnswers(socket as never)).toBe(false);
    expect(() => requests.of(both[0])).toThrowError(expect.objectContaining({ code: "BAD_REQUEST" }));
  });

  it("keep their connection until a late answer is sent", () => {
    const { requests } = openRequests();
    const { both, request, response, socket } = fakeExchange("a");
    Object.assign(response, { req: request });
    request.complete = false;
    requests.begin(...both);
    expect(requests.endBehindAnswers(socket as never)).toBe(false);
    request.complete = true;
    expect(requests.endBehindAnswers(new PassThrough())).toBe(false);
    expect(requests.endBehindAnswers(socket as never)).toBe(true);
    response.emit("close");
    // Later requests are no longer checked.
    expect(requests.endBehindAnswers(socket as never)).toBe(true);
  });

  it("are admitted while there is room, fairly, and make room when they end", () => {
    const { requests, refusals } = openRequests({ requests: 6 });
    const admitted = (client: string, count: number) =>
      Array.from({ length: count }, () => {
        const { both, response } = fakeExchange(client);
        return { refusal: requests.begin(...both).admit()?.code ?? null, response };
      });
    const greedy = admitted("greedy", 5);
    expect(greedy.map(({ refusal }) => refusal)).toEqual([null, null, null, "TOO_MANY_REQUESTS", "TOO_MANY_REQUESTS"]);
    expect(admitted("b", 1).map(({ refusal }) => refusal)).toEqual([null]);
    expect(admitted("c", 2).map(({ refusal }) => refusal)).toEqual([null, "TOO_MANY_REQUESTS"]);
    expect(admitted("d", 1)[0]?.refusal).toBeNull();
    expect(admitted("e", 1)[0]?.refusal).toBe("OVERLOADED");
    expect(refusals).toEqual([...Array(3).fill("client-requests"), "requests"]);
    for (const { response } of greedy) response.emit("close");
    expect(admitted("e", 1)[0]?.refusal).toBeNull();
  });

  it("count for their callers once these are authenticated", () => {
    const { requests } = openRequests({ requests: 6 });
    const admitted = (name: string) => {
      const open = requests.begin(...fakeExchange("proxy").both);
      expect(open.admit()).toBeNull();
      open.countFor({ name });
      return open;
    };
    for (const name of ["a", "a", "a", "b"]) admitted(name);
    expect(() => admitted("a")).toThrowError(expect.objectContaining({ code: "TOO_MANY_REQUESTS" }));
    const last = requests.begin(...fakeExchange("proxy").both);
    last.countFor({ name: "a" });
    expect(last.admit()).toBeNull();
  });

  it("are refused while their client leaves its answers unread", () => {
    const { requests, refusals } = openRequests({ answersBytes: 1024 });
    const first = fakeExchange("slow");
    const open = requests.begin(...first.both);
    expect([open.admit(), open.answer.isFull]).toEqual([null, false]);
    open.answer.hold(600);
    expect(open.answer.isFull).toBe(true);
    expect(requests.begin(...fakeExchange("slow").both).admit()?.code).toBe("TOO_MANY_REQUESTS");
    expect(requests.begin(...fakeExchange("other").both).admit()).toBeNull();
    expect(refusals).toEqual(["client-answers"]);
    first.response.emit("close");
    open.answer.hold(600);
    expect(requests.begin(...fakeExchange("slow").both).admit()).toBeNull();
  });

  it("hold memory for their bodies until they are answered", () => {
    const { requests } = openRequests({ bodiesBytes: 4096, bodyBytes: 2048 });
    const first = fakeExchange("a");
    const open = requests.begin(...first.both);
    expect([open.bodyRefusal(2048), open.bodyRefusal(4097)?.code]).toEqual([null, "OVERLOADED"]);
    expect(open.holdBody(2048)).toBeNull();
    open.endBody();
    expect(requests.begin(...fakeExchange("a").both).holdBody(1)?.code).toBe("TOO_MANY_REQUESTS");
    expect(requests.begin(...fakeExchange("b").both).holdBody(1024)).toBeNull();
    first.response.emit("close");
    expect(requests.begin(...fakeExchange("a").both).holdBody(1024)).toBeNull();
  });

  it("have room for one longest body, however small the bound for all bodies is", () => {
    const { requests } = openRequests({ bodiesBytes: 1024, bodyBytes: 4096 });
    expect(requests.begin(...fakeExchange("a").both).holdBody(4096)).toBeNull();
  });

  it("give up a body that arrives too slowly, and no other", async () => {
    const { requests, clock, refusals } = openRequests();
    const given: string[] = [];
    const begun = (client: string) => {
      const open = requests.begin(...fakeExchange(client).both);
      open.beginBody((error) => given.push(`${client} ${error.code}`));
      return open;
    };
    begun("silent");
    const quick = begun("quick");
    begun("done").endBody();
    await clock.advance(gatewayBodyGraceMs);
    quick.holdBody((gatewayBodyBytesPerSecondMin * gatewayBodyGraceMs) / 500);
    expect(given).toEqual([]);
    await clock.advance(gatewayConnectionCheckMs);
    expect(given).toEqual(["silent REQUEST_TIMEOUT"]);
    await clock.advance(gatewayBodyGraceMs + gatewayConnectionCheckMs);
    expect(given).toEqual(["silent REQUEST_TIMEOUT", "quick REQUEST_TIMEOUT"]);
    expect(refusals).toEqual(["slow-body", "slow-body"]);
  });

  it("disconnect a client that does not read a complete answer, and wait for one that is incomplete", async () => {
    const { requests, clock, refusals } = openRequests();
    const [unfetched, pending] = [fakeExchange("a"), fakeExchange("b")];
    requests.begin(...unfetched.both);
    requests.begin(...pending.both);
    unfetched.response.writableEnded = true;
    await clock.advance(gatewaySendTimeoutMs);
    expect(unfetched.socket.destroyed).toBe(false);
    await clock.advance(2 * gatewayConnectionCheckMs);
    expect([unfetched.socket.destroyed, pending.socket.destroyed]).toEqual([true, false]);
    expect(refusals).toEqual(["unfetched-answer"]);
  });

  it("discard what arrives after the answer, but not for long", async () => {
    const { requests, clock } = openRequests();
    const [endless, ending, gone] = [fakeExchange("a"), fakeExchange("b"), fakeExchange("c")];
    for (const { both, request, response } of [endless, ending, gone]) {
      request.complete = false;
      requests.begin(...both);
      response.emit("close");
    }
    ending.request.complete = true;
    gone.socket.destroyed = true;
    await clock.advance(gatewayConnectionCheckMs);
    expect(() => requests.of(ending.both[0])).toThrow();
    expect(() => requests.of(gone.both[0])).toThrow();
    await clock.advance(gatewayDiscardMs + gatewayConnectionCheckMs);
    expect([endless.socket.destroyed, ending.socket.destroyed]).toEqual([true, false]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("end with their connection, even when Node does not close their answers", async () => {
    const { requests, clock } = openRequests({ requests: 2 });
    const { both, socket, response } = fakeExchange("a");
    expect(requests.begin(...both).admit()).toBeNull();
    response.removeAllListeners();
    socket.destroyed = true;
    expect(requests.begin(...fakeExchange("a").both).admit()?.code).toBe("TOO_MANY_REQUESTS");
    await clock.advance(gatewayConnectionCheckMs);
    expect(requests.begin(...fakeExchange("a").both).admit()).toBeNull();
  });

  it("are checked until the end", () => {
    const { requests, clock } = openRequests();
    requests.close();
    requests.begin(...fakeExchange("a").both);
    expect(clock.pendingTimers).toBe(1);
    requests.close();
    expect(clock.pendingTimers).toBe(0);
  });
});
