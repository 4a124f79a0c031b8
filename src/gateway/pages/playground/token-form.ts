/**
 * The token of the playground's page: where it is stored, how it is added to GraphiQL's requests, and the form for it.
 * This file runs in the browser, as boot.ts does.
 */
import { pageTokenName } from "../../../wire/page-token.js";

/** The parts of the browser that are used here. */
export interface TokenPage {
  readonly document: { getElementById(id: string): PageElement | null };
  readonly location: { readonly pathname: string; reload(): void };
  readonly sessionStorage: {
    getItem(name: string): string | null;
    setItem(name: string, value: string): void;
    removeItem(name: string): void;
  };
  fetch(url: string, init: object): Promise<{ readonly status: number }>;
}

interface PageElement {
  hidden: boolean;
  value: string;
  textContent: string;
  addEventListener(name: string, listener: (event: { preventDefault(): void }) => void): void;
}

/** A request of GraphiQL; its headers are those of the headers editor. */
interface EditorRequest {
  readonly extensions?: { readonly headers?: object };
}

/** The headers to add to each request: none if the headers editor contains a token itself. */
export function tokenHeaders(page: TokenPage): (request?: EditorRequest) => Readonly<Record<string, string>> {
  return (request) => {
    const token = page.sessionStorage.getItem(pageTokenName(page.location.pathname));
    const written = Object.keys(request?.extensions?.headers ?? {});
    const isWritten = written.some((name) => name.toLowerCase() === "authorization");
    return token === null || isWritten ? {} : { authorization: `Bearer ${token}` };
  };
}

/** Activates the form, on a page that has one. A new token reloads the page, because its schema may differ. */
export function startTokenForm(page: TokenPage): void {
  const element = (id: string): PageElement | null => page.document.getElementById(id);
  const [form, text, problem] = [element("token"), element("token-text"), element("token-problem")];
  const [kept, asked] = [element("token-kept"), element("token-asked")];
  if (form === null || text === null || problem === null || kept === null || asked === null) return;
  const name = pageTokenName(page.location.pathname);
  kept.hidden = page.sessionStorage.getItem(name) === null;
  asked.hidden = !kept.hidden;
  element("token-forget")?.addEventListener("click", () => {
    page.sessionStorage.removeItem(name);
    page.location.reload();
  });
  const signIn = async (token: string): Promise<void> => {
    problem.textContent = "";
    problem.textContent = await problemOf(page, token);
    if (problem.textContent !== "") return;
    page.sessionStorage.setItem(name, token);
    page.location.reload();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void signIn(text.value.trim());
  });
}

/** Why the gateway does not accept the token; empty when it does. */
async function problemOf(page: TokenPage, token: string): Promise<string> {
  try {
    const { status } = await page.fetch("graphql", {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ query: "{ __typename }" }),
    });
    if (status === 401) return "The gateway does not accept this token. It may be mistyped, expired or revoked.";
    return status === 200 ? "" : `The gateway cannot check the token now (status ${status}). Try again.`;
  } catch {
    // There was no answer, or the text cannot be sent in a header.
    return "The token could not be sent. Check its characters, and that the gateway runs.";
  }
}
