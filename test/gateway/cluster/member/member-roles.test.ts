/** The order in which a gateway's roles end and begin. */
import { describe, expect, it } from "vitest";
import { MemberRoles, type MemberRole } from "../../../../src/gateway/cluster/member/member-roles.js";
import { RecordLog } from "../../../support/record-log.js";

function open({ isLeading = false, endOf = async (): Promise<void> => undefined } = {}) {
  const events: string[] = [];
  const log = new RecordLog();
  const state = { isLeading };
  const role = (name: string, kind: object): MemberRole =>
    ({
      ...kind,
      start: () => events.push(`${name} starts`),
      end: () => events.push(`${name} is over`),
      async stop() {
        await endOf();
        events.push(`${name} has stopped`);
      },
    }) as unknown as MemberRole;
  const roles = new MemberRoles({
    isLeading: () => state.isLeading,
    lead: () => role("leader", { isLeading: true, leader: {} }),
    follow: () => role("follower", { isLeading: false, followed: {} }),
    async giveUp() {
      events.push("the lead is given up");
      state.isLeading = false;
    },
    onChange: () => events.push(`role: ${roles.current?.isLeading ?? "none"}`),
    log,
  });
  return { roles, state, events, log };
}

describe("MemberRoles", () => {
  it("ends one role before the other begins", async () => {
    const { roles, state, events } = open();
    roles.start();
    state.isLeading = true;
    await roles.review();
    await roles.review();
    expect(events).toEqual([
      "follower starts",
      "role: none",
      "follower has stopped",
      "follower is over",
      "role: true",
      "leader starts",
    ]);
  });

  it("has a leader that lost the lead change nothing from then on, and replaces it though the lead is back", async () => {
    const { roles, events } = open({ isLeading: true });
    roles.start();
    roles.lost();
    expect(roles.current).toBeNull();
    await roles.review();
    expect(events).toEqual([
      "leader starts",
      "leader is over",
      "role: none",
      "leader has stopped",
      "leader is over",
      "role: true",
      "leader starts",
    ]);
  });

  it("gives the lead up after the leader has stopped, and does not lead again", async () => {
    const { roles, state, events } = open({ isLeading: true });
    await roles.retire();
    expect(events).toEqual([
      "role: none",
      "leader has stopped",
      "the lead is given up",
      "leader is over",
      "role: false",
    ]);
    state.isLeading = true;
    await roles.review();
    expect(roles.current?.isLeading).toBe(false);
  });

  it("does not begin a role that was not started, and none after its end", async () => {
    const { roles, state, events } = open();
    state.isLeading = true;
    await roles.review();
    await roles.stop();
    expect(roles.current).toBeNull();
    expect(events.filter((event) => event.endsWith("starts"))).toEqual([]);
    await roles.review();
  });

  it("goes on when a role cannot be stopped, and says so", async () => {
    const { roles, state, log } = open({ endOf: async () => Promise.reject(new Error("stuck")) });
    state.isLeading = true;
    await roles.review();
    expect(roles.current?.isLeading).toBe(true);
    expect(log.lines).toMatchObject([{ level: "error", message: expect.stringContaining("did not end cleanly") }]);
  });
});
