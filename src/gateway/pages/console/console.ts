/**
 * The console: the page at `/` that shows the cluster, and the stream of events that keeps it up to date. The page and
 * everything it needs come from this gateway, and its Content-Security-Policy forbids the browser all other sources.
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
  /** Answers a request for the console. Returns false, without answering, for all others. */
  answer(request: IncomingMessage, response: ServerResponse): boolean;
  /** Ends all streams; resolves when no task is running any more. */
  close(): Promise<void>;
}

/**
 * Where the build puts the files: beside this one. When running from the sources there are none, and a page says so.
 */
export const builtFolder = fileURLToPath(new URL("files", import.meta.url));

export interface ConsoleOptions {
  readonly traffic: RecentTraffic;
  readonly hasPlayground: boolean;
  /** The folder of the page's files; by default that of the build. */
  readonly folder?: string;
}

/**
 * Behind a reverse proxy the page may be at `/sg/` or at `/sg`. Its files are queries of its own address,
 * `?console/HASH/NAME`: such a reference means the same in both cases, which no relative path does.
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

/** The persisted documents of the console page together with the given ones. */
export function withConsoleDocuments(documents: PersistedDocuments | null): PersistedDocuments {
  const texts = new Map([...(documents?.texts ?? []), ...Object.entries(consoleDocuments)]);
  return { texts, isOnly: documents?.isOnly ?? false };
}

/** Inline styles are allowed because uPlot, which draws the charts, positions its parts with them. */
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
