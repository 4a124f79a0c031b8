/** The form for a token, with substitutes for the browser; test/browser uses it in a real one. */
import { describe, expect, it, vi } from "vitest";
import { startTokenForm, tokenHeaders, type TokenPage } from "../../../../src/gateway/pages/playground/token-form.js";
import { settle } from "../../../support/fake-clock.js";

type Fetch = TokenPage["fetch"];

const ids = ["token", "token-text", "token-problem", "token-kept", "token-asked", "token-forget"];

class FakeElement {
  hidden = true;
  value = "";
  textContent = "";
  readonly listeners = new Map<string, (event: { preventDefault(): void }) => void>();

  addEventListener(name: string, listener: (event: { preventDefault(): void }) => void): void {
    this.listeners.set(name, listener);
  }
  fire(name: string): void {
    this.listeners.get(name)?.({ preventDefault: () => {} });
  }
}

/** A page at `/sg/graphql` whose gateway answers the check of a token with `check`. */
function pageOf(check: Fetch, kept: readonly (readonly [string, string])[] = [], hasForm = true) {
  const elements = new Map(hasForm ? ids.map((id) => [id, new FakeElement()]) : []);
  const storage = new Map(kept);
  const reload = vi.fn<() => void>();
  const page: TokenPage = {
    document: { getElementById: (id) => elements.get(id) ?? null },
    location: { pathname: "/sg/graphql", reload },
    sessionStorage: {
      getItem: (name) => storage.get(name) ?? null,
      setItem: (name, value) => void storage.set(name, value),
      removeItem: (name) => void storage.delete(name),
    },
    fetch: check,
  };
  const element = (id: string): FakeElement => {
    const found = elements.get(id);
    if (found === undefined) throw new Error(`The page has no ${id}.`);
    return found;
  };
  return { page, element, storage, reload };
}

const answering = (status: number) => vi.fn<Fetch>(async () => ({ status }));

async function signIn({ element }: ReturnType<typeof pageOf>, token: string): Promise<void> {
  element("token-text").value = token;
  element("token").fire("submit");
  await settle();
}

describe("the playground's token form", () => {
  it("asks for a token, and reloads the page once the gateway has accepted it", async () => {
    const check = answering(200);
    const parts = pageOf(check);
    startTokenForm(parts.page);
    expect([parts.element("token-asked").hidden, parts.element("token-kept").hidden]).toEqual([false, true]);
    await signIn(parts, " abc ");
    expect(check.mock.calls).toMatchObject([["graphql", { method: "POST", headers: { authorization: "Bearer abc" } }]]);
    expect([...parts.storage]).toEqual([["shardgate:token:/sg/", "abc"]]);
    expect(parts.reload).toHaveBeenCalledOnce();
  });

  it.each<readonly [string, Fetch, RegExp]>([
    ["the gateway refuses", answering(401), /does not accept this token/],
    ["the gateway cannot check", answering(503), /cannot check the token now \(status 503\)/],
    ["cannot be sent", () => Promise.reject(new TypeError("not a header")), /could not be sent/],
  ])("reports when the token is one that %s, and does not store it", async (_, check, text) => {
    const parts = pageOf(check);
    startTokenForm(parts.page);
    await signIn(parts, "wrong");
    expect(parts.element("token-problem").textContent).toMatch(text);
    expect([parts.storage.size, parts.reload.mock.calls.length]).toEqual([0, 0]);
  });

  it("shows that there is a token, and removes it when its user signs out", () => {
    const { page, element, storage, reload } = pageOf(answering(200), [["shardgate:token:/sg/", "abc"]]);
    startTokenForm(page);
    expect([element("token-asked").hidden, element("token-kept").hidden]).toEqual([true, false]);
    element("token-forget").fire("click");
    expect([storage.size, reload.mock.calls.length]).toEqual([0, 1]);
  });

  it("does nothing on a page without the form", () => {
    const { page, reload } = pageOf(answering(200), [], false);
    startTokenForm(page);
    expect(reload).not.toHaveBeenCalled();
  });
});

describe("the playground's requests", () => {
  it("carry the token of this gateway, and of no other behind the same proxy", () => {
    const own = tokenHeaders(pageOf(answering(200), [["shardgate:token:/sg/", "abc"]]).page);
    expect([own(), own({})]).toEqual([{ authorization: "Bearer abc" }, { authorization: "Bearer abc" }]);
    expect(tokenHeaders(pageOf(answering(200), [["shardgate:token:/other/", "abc"]]).page)()).toEqual({});
  });

  it("omit it when the headers editor has one, however it is written", () => {
    const headersOf = tokenHeaders(pageOf(answering(200), [["shardgate:token:/sg/", "abc"]]).page);
    expect(headersOf({ extensions: { headers: { Authorization: "Bearer other" } } })).toEqual({});
    expect(headersOf({ extensions: { headers: { "x-request-id": "1" } } })).toEqual({ authorization: "Bearer abc" });
  });
});
