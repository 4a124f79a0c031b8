import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { GatewayClient, pauseAfter } from "../../src/cli/gateway-client.js";
import { FakeClock } from "../support/fake-clock.js";

describe("GatewayClient", () => {
  it("gives up an answer that does not come", async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
    const client = new GatewayClient({ endpoint, timeoutMs: 50, token: null, ca: null });
    const answer = await client.post("{}");
    expect(answer).toMatchObject({ kind: "failure", isRetryable: true, isTooLarge: false, isUnsent: false });
    expect(answer).toHaveProperty("reason", expect.stringContaining("timeout"));
    await client.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe("pauseAfter", () => {
  it("does not wait when the work is already given up", async () => {
    const clock = new FakeClock();
    await pauseAfter(1, { clock, random: () => 1 }, AbortSignal.abort());
    expect(clock.pendingTimers).toBe(0);
  });
});
