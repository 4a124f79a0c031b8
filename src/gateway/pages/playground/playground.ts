/**
 * The playground: GraphiQL for browsers that open `/graphql`. The page and everything it needs come from this gateway,
 * and its Content-Security-Policy forbids the browser all other sources.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import { acceptedType, graphqlMediaTypes } from "../../accept.js";
import { loadBuiltFiles } from "../built-files.js";
import { pageHeaders } from "../page-headers.js";
import { missingPage, playgroundPage } from "./playground-page.js";

/** Answers a request for the playground. Returns false, without answering, for all others. */
export type Playground = (request: IncomingMessage, response: ServerResponse) => boolean;

/**
 * Where the build puts the files: beside this one. When running from the sources there are none, and a page says so.
 */
export const builtFolder = fileURLToPath(new URL("files", import.meta.url));

export interface PlaygroundOptions {
  readonly hasConsole: boolean;
  /** Whether callers need credentials. */
  readonly asksForToken: boolean;
  /** The folder of the page's files; by default that of the build. */
  readonly folder?: string;
}

export function createPlayground({ folder = builtFolder, ...options }: PlaygroundOptions): Playground {
  const files = loadBuiltFiles(folder, "/playground", headers.security);
  return (request, response) => {
    if (isForPage(request)) {
      const { url = "" } = request;
      if (url.startsWith("/graphql/")) {
        // With a slash at the end, the page's relative references would point elsewhere.
        response.writeHead(307, { location: `../graphql${url.slice("/graphql/".length)}` }).end();
        return true;
      }
      const html = files === null ? missingPage : playgroundPage({ base: files.base.slice(1), ...options });
      response.writeHead(files === null ? 503 : 200, headers.page).end(html);
      return true;
    }
    return files?.answer(request, response) ?? false;
  };
}

/** GraphQL clients do not accept HTML, or prefer JSON; browsers that open an address prefer HTML. */
function isForPage({ method, url = "", headers }: IncomingMessage): boolean {
  if ((method !== "GET" && method !== "HEAD") || !/^\/graphql\/?(\?|$)/.test(url)) return false;
  return acceptedType(headers.accept, [...graphqlMediaTypes, "text/html"]) === "text/html";
}

/** Inline styles are allowed because Monaco, the editor, creates them at run time. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const headers = pageHeaders(contentSecurityPolicy);
