/**
 * The console: the page at `/` that shows the cluster, and the stream of events that keeps it live. The page and all it
 * needs come from this gateway, and its Content-Security-Policy lets the browser reach nothing else.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import { consoleDocuments, consoleEventsPath } from "../../../wire/console-events.js";
import { loadBuiltFiles } from "../built-files.js";
import { pageHeaders } from "../page-headers.js";
import type { PersistedDocuments } from "../../graphql/request/persisted-documents.js";
import type { RecentTraffic } from "./recent-traffic.js";
import type { GatewayServices } from "../../services.js";
import { admit } from "./admission.js";
import { ConsoleFeed } from "./feed.js";
import { consolePage, missingPage } from "./console-page.js";
import { streamHeaders } from "./watchers.js";

export interface Console {
  /** Answers a request that is the console's; false, and nothing is answered, for every other one. */
  answer(request: IncomingMessage, response: ServerResponse): boolean;
  /** Ends all streams; resolves when nothing runs any more. */
  close(): Promise<void>;
}

/** Where the build puts the files: beside this one. Running from the sources there are none, and a page says so. */
export const builtFolder = fileURLToPath(new URL("files", import.meta.url));

export interface ConsoleOptions {
  readonly traffic: RecentTraffic;
  readonly hasPlayground: boolean;
  /** Where the files of the page are; by default where the build puts them. */
  readonly folder?: string;
}

/**
 * Behind a reverse proxy the page may be at `/sg/` or at `/sg`. Its files are queries of its own address, `?console/HASH/NAME`:
 * a reference of that form means the same at both, which no relative path does.
 */
const filesPrefix = "/?console";

export function createConsole(
  services: GatewayServices,
  { traffic, hasPlayground, folder = builtFolder }: ConsoleOptions,
): Console {
  const files = loadBuiltFiles(folder, filesPrefix, headers.security);
  const feed = new ConsoleFeed(services, traffic);
  const asksForToken = !services.access.isOpen;
  return {
    answer(request, response) {
      const { method = "", url = "" } = request;
      if (files?.answer(request, response) === true) return true;
      const path = url.replace(/\?.*$/s, "");
      if (path === "/" && (method === "GET" || method === "HEAD")) {
        const html =
          files === null ? missingPage : consolePage({ base: files.base.slice(1), hasPlayground, asksForToken });
        response.writeHead(files === null ? 503 : 200, headers.page).end(method === "HEAD" ? undefined : html);
        return true;
      }
      if (path === consoleEventsPath && (method === "GET" || method === "HEAD")) {
        const end = (): void => void response.writeHead(200, streamHeaders).end();
        void admit(services, request, response, method === "HEAD" ? end : () => feed.watch(response));
        return true;
      }
      return false;
    },
    close: () => feed.close(),
  };
}

/** The documents that the page asks for by their ids, beside those that are there. */
export function withConsoleDocuments(documents: PersistedDocuments | null): PersistedDocuments {
  const texts = new Map([...(documents?.texts ?? []), ...Object.entries(consoleDocuments)]);
  return { texts, isOnly: documents?.isOnly ?? false };
}

/** Styles may be inline: uPlot, which draws the charts, places its parts so. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const headers = pageHeaders(contentSecurityPolicy);
