/** The platform of a real browser. Only this file and the charts touch it; there is no logic here. */
import { consoleEventsPath } from "../wire/console.js";
import type { Platform } from "./platform.js";
import { drawChart } from "./uplot-chart.js";

export const browserPlatform: Platform = {
  async post(body) {
    const headers = { "content-type": "application/json", accept: "application/json" };
    const response = await fetch("/graphql", { method: "POST", headers, body: JSON.stringify(body) });
    return response.json();
  },
  openStream() {
    const source = new EventSource(consoleEventsPath);
    return {
      onEvent: (name, listener) => source.addEventListener(name, ({ data }) => listener(String(data))),
      onFailure: (listener) => source.addEventListener("error", listener),
      close: () => source.close(),
    };
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
