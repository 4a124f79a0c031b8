import { describe, expect, it } from "vitest";
import { createAccess, known, openAccess, type TokenVerifier } from "../../../src/gateway/access/access.js";
import { openCaller } from "../../../src/gateway/access/caller.js";
import { RecordLog } from "../../support/record-log.js";
import { caller } from "./callers.js";

const ada = caller("ada");
const bob = caller("bob");
const takes = (token: string, found = ada): TokenVerifier => ({ callerOf: (text) => (text === token ? found : null) });
const takesLater = (token: string, found = bob): TokenVerifier => ({
  callerOf: async (text) => (text === token ? found : null),
});
const accessOf = (isOpen: boolean, ...verifiers: readonly TokenVerifier[]) =>
  createAccess({ verifiers, isOpen, areNodesProven: false, audit: () => {} });
const ask = (access: ReturnType<typeof accessOf>, authorization?: string) =>
  access.callerOf({ headers: authorization === undefined ? {} : { authorization } });

describe("access to a gateway", () => {
  it("is open to every client when there is no verifier, whatever credentials they send", () => {
    const access = openAccess(new RecordLog());
    expect(access.isOpen).toBe(true);
    expect([ask(access), ask(access, "Bearer x"), ask(access, "Basic x")]).toEqual([
      openCaller,
      openCaller,
      openCaller,
    ]);
    expect(openCaller.permissions.isAdmin).toBe(true);
  });

  it("identifies a client by its token, synchronously where no wait is needed", () => {
    expect(ask(accessOf(false, takes("t")), "Bearer t")).toBe(ada);
    expect(ask(accessOf(false, takes("t")), "bearer   t ")).toBe(ada);
  });

  it("tries one verifier after the other, including asynchronous ones", async () => {
    const access = accessOf(false, takes("1"), takesLater("2"), takes("3"), takesLater("4"));
    expect(ask(access, "Bearer 1")).toBe(ada);
    expect(await ask(access, "Bearer 2")).toBe(bob);
    expect(await ask(access, "Bearer 3")).toBe(ada);
    expect(await ask(access, "Bearer 4")).toBe(bob);
    expect(await ask(access, "Bearer 5")).toBeNull();
  });

  it.each([
    undefined,
    "",
    "Bearer",
    "Bearer ",
    "Bearer a b",
    "Basic t",
    "Bearert",
    "t",
    "Bearer t,Bearer t",
    "Bearer tü",
  ])("is refused for the header %j", (authorization) => {
    expect(ask(accessOf(false, takes("t")), authorization)).toBeNull();
  });

  it("refuses an invalid token even when no token is needed", () => {
    const access = accessOf(true, takes("t"));
    expect([ask(access), ask(access, "Bearer t"), ask(access, "Bearer x")]).toEqual([openCaller, ada, null]);
  });

  it.each([
    [undefined, "This gateway requires a token, and the request carries none."],
    ["Bearer x", "The request's token is not valid."],
    ["Basic dDp0", "The `Authorization` header is not `Bearer` followed by a token."],
    ["Bearer ", "The `Authorization` header is not `Bearer` followed by a token."],
  ])("tells for the header %j whether a token is missing, and not why one is invalid", (authorization, message) => {
    const headers = authorization === undefined ? {} : { authorization };
    expect(() => known(null, { headers })).toThrow(expect.objectContaining({ code: "UNAUTHENTICATED", message }));
    expect(known(ada, { headers })).toBe(ada);
  });
});
