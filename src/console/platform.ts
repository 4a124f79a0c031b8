/**
 * The interface to the browser, beyond the DOM, so that the page's parts can be tested without a browser.
 * browser-platform.ts implements it.
 */
import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import type { Stream } from "./model/event-stream.js";
import type { ChartData } from "./model/traffic.js";
import type { Post } from "./model/gateway.js";

export interface Platform {
  readonly post: Post;
  readonly openStream: () => Stream;
  /** Whether requests carry a token. */
  readonly hasToken: () => boolean;
  /** Sends the token with every request from now on; null: none. */
  readonly keepToken: (token: string | null) => void;
  /** Opens another tab with the gateway's answer to a GET that carries the token, which a link would not send. */
  readonly openWithToken: (path: string) => void;
  readonly after: (delayMs: number, callback: () => void) => () => void;
  /** Calls back at once and at each change; returns the function that ends this. So do the following functions. */
  readonly watchVisible: (callback: (isVisible: boolean) => void) => () => void;
  readonly watchWidth: (element: Element, callback: (width: number) => void) => () => void;
  /** Passes a function that returns the current value of each CSS colour variable. */
  readonly watchColours: (callback: (colours: Colours) => void) => () => void;
  readonly drawChart: (element: Element, colours: Colours) => Chart;
  /** Device pixels per CSS pixel. */
  readonly pixelRatio: () => number;
}

/** The value of a CSS variable, by its name. */
export type Colours = (name: string) => string;

export interface Chart {
  update(data: ChartData, width: number): void;
  destroy(): void;
}

/** There is no default: the page's root provides the platform. */
export const PlatformContext = createContext<Platform | null>(null);

export function usePlatform(): Platform {
  const platform = useContext(PlatformContext);
  if (platform === null) throw new Error("The page's root gives no platform.");
  return platform;
}

/** Returns a new function when the colour scheme changes, so that drawings which depend on it are redrawn. */
export function useColours(): Colours | null {
  const { watchColours } = usePlatform();
  const [colours, setColours] = useState<{ readonly read: Colours } | null>(null);
  useEffect(() => watchColours((read) => setColours({ read })), [watchColours]);
  return colours?.read ?? null;
}

/** The width of an element; 0 before it is known. */
export function useWidth(element: { readonly current: Element | null }): number {
  const { watchWidth } = usePlatform();
  const [width, setWidth] = useState(0);
  useEffect(() => (element.current === null ? undefined : watchWidth(element.current, setWidth)), [watchWidth]);
  return width;
}
