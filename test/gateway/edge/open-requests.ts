/** Open requests without a server: the parts of Node's objects that they use, under the test's control. */
import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { defaultBounds, type GatewayBounds } from "../../../src/core/bounds.js";
import { OpenRequests } from "../../../src/gateway/edge/open-requests.js";
import { FakeClock } from "../../support/fake-clock.js";

export function openRequests(bounds: Partial<GatewayBounds> = {}) {
  const clock = new FakeClock();
  const refusals: string[] = [];
  const metrics = {
    requestBegan: () => {},
    requestEnded: () => {},
    requestRefused: (reason: string) => void refusals.push(reason),
  };
  return { requests: new OpenRequests({ bounds: { ...defaultBounds, ...bounds }, clock, metrics }), clock, refusals };
}

export class FakeSocket extends EventEmitter {
  readonly remoteAddress: string;
  destroyed = false;

  constructor(remoteAddress: string) {
    super();
    this.remoteAddress = remoteAddress;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

/** A request of `client`, and its answer; the test decides how far either has progressed. */
export function fakeExchange(client: string, headers: Readonly<Record<string, string>> = {}) {
  const socket = new FakeSocket(client);
  const request = Object.assign(new EventEmitter(), { socket, complete: true, headers });
  const response = Object.assign(new EventEmitter(), { writableEnded: false, writeContinue: () => {} });
  socket.once("close", () => response.emit("close"));
  return {
    socket,
    request,
    response,
    both: [request as unknown as IncomingMessage, response as unknown as ServerResponse] as const,
  };
}
