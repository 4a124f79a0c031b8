/**
 * The playground: GraphiQL for whoever opens `/graphql` in a browser. The page and all it needs come from this gateway,
 * and its Content-Security-Policy lets the browser reach nothing else.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import { acceptedType, graphqlMediaTypes } from "../../accept.js";
import { loadBuiltFiles } from "../built-files.js";
import { pageHeaders } from "../page-headers.js";
import { missingPage, playgroundPage } from "./playground-page.js";

/** Answers a request that is the playground's; false, and nothing is answered, for every other one. */
export type Playground = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Where the build puts the files: beside this one. Running from the sources there are none, and a page says so. */
export const builtFolder = fileURLToPath(new URL("files", import.meta.url));

export interface PlaygroundOptions {
  readonly hasConsole: boolean;
  /** Callers have to say who they are. */
  readonly asksForToken: boolean;
  /** Where the files of the page are; by default where the build puts them. */
  readonly folder?: string;
}

export function createPlayground({ folder = builtFolder, ...options }: PlaygroundOptions): Playground {
  const files = loadBuiltFiles(folder, "/playground", headers.security);
  return (request, response) => {
    if (isForPage(request)) {
      const { url = "" } = request;
      if (url.startsWith("/graphql/")) {
        // Beneath a slash the page's relative references would lead elsewhere.
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

/** GraphQL clients do not accept HTML, or like it less; browsers that are sent to an address like nothing better. */
function isForPage({ method, url = "", headers }: IncomingMessage): boolean {
  if ((method !== "GET" && method !== "HEAD") || !/^\/graphql\/?(\?|$)/.test(url)) return false;
  return acceptedType(headers.accept, [...graphqlMediaTypes, "text/html"]) === "text/html";
}

/** Styles may be inline: Monaco, the editor, makes them as it goes. */
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
