/**
 * The platform of a real browser. Only this file and the charts use the browser's interfaces, and it has hardly any
 * logic. All fetched URLs are relative to the page's address, which main.tsx makes end with a slash.
 */
import { createParser } from "eventsource-parser";
import { consoleEventsPath } from "../wire/console-events.js";
import { pageTokenName } from "../wire/page-token.js";
import { problemInBody, type Problem } from "./model/gateway.js";
import type { Platform } from "./platform.js";
import { drawChart } from "./uplot-chart.js";

const tokenName = (): string => pageTokenName(location.pathname);

/** The token is stored for this tab only, until it is closed. */
function tokenHeader(): Record<string, string> {
  const token = sessionStorage.getItem(tokenName());
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

/**
 * Reads server-sent events with fetch, because EventSource cannot send the token. Resolves when the stream ends: to the
 * problem when the gateway sent one instead of the stream, else to null.
 */
async function readEvents(onEvent: (name: string, data: string) => void, signal: AbortSignal): Promise<Problem | null> {
  try {
    const response = await fetch(consoleEventsPath.slice(1), { headers: tokenHeader(), signal });
    if (!response.ok) return problemInBody(await response.json());
    if (response.body === null) return null;
    const parser = createParser({ onEvent: ({ event = "message", data }) => onEvent(event, data) });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) parser.feed(next.value);
  } catch {
    // The stream was closed by the page, or the connection was lost.
  }
  return null;
}

export const browserPlatform: Platform = {
  async post(body) {
    const headers = { ...tokenHeader(), "content-type": "application/json", accept: "application/json" };
    const response = await fetch("graphql", { method: "POST", headers, body: JSON.stringify(body) });
    return response.json();
  },
  openStream() {
    const listeners = new Map<string, (data: string) => void>();
    const ending = new AbortController();
    const ended = readEvents((name, data) => listeners.get(name)?.(data), ending.signal);
    return {
      onEvent: (name, listener) => void listeners.set(name, listener),
      onFailure: (listener) => void ended.then(listener),
      close: () => ending.abort(),
    };
  },
  hasToken: () => sessionStorage.getItem(tokenName()) !== null,
  keepToken: (token) =>
    token === null ? sessionStorage.removeItem(tokenName()) : sessionStorage.setItem(tokenName(), token),
  openWithToken: (path) => {
    // Opened at once: browsers block a tab that opens only after an answer.
    const tab = open("", "_blank");
    void fetch(path, { headers: tokenHeader() })
      .then((response) => response.text())
      .catch(() => "The gateway did not answer.")
      .then((text) =>
        (tab?.location ?? location).assign(URL.createObjectURL(new Blob([text], { type: "text/plain" }))),
      );
  },
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
  watchVisible(callback) {
    const tell = (): void => callback(document.visibilityState === "visible");
    document.addEventListener("visibilitychange", tell);
    tell();
    return () => document.removeEventListener("visibilitychange", tell);
  },
  watchWidth(element, callback) {
    const observer = new ResizeObserver(() => callback(Math.floor(element.clientWidth)));
    observer.observe(element);
    return () => observer.disconnect();
  },
  watchColours(callback) {
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const tell = (): void => {
      const style = getComputedStyle(document.documentElement);
      callback((name) => style.getPropertyValue(name).trim());
    };
    scheme.addEventListener("change", tell);
    tell();
    return () => scheme.removeEventListener("change", tell);
  },
  drawChart,
  pixelRatio: () => devicePixelRatio,
};
