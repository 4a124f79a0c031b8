/**
 * What the page needs of the browser beyond the DOM, as one interface: the parts can then be tried without a browser. The
 * real one is made in browser-platform.ts.
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
  /** Sends the token along with every request from now on; null: none. */
  readonly keepToken: (token: string | null) => void;
  /** Shows, in another tab, what the gateway answers to a GET that carries the token: a link would not send it. */
  readonly openWithToken: (path: string) => void;
  readonly after: (delayMs: number, callback: () => void) => () => void;
  /** Calls back at once and at each change; returns the function that ends it. So do all that follow. */
  readonly watchVisible: (callback: (isVisible: boolean) => void) => () => void;
  readonly watchWidth: (element: Element, callback: (width: number) => void) => () => void;
  /** With the colour that each CSS variable of the page has now. */
  readonly watchColours: (callback: (colours: Colours) => void) => () => void;
  readonly drawChart: (element: Element, colours: Colours) => Chart;
  /** Device pixels for one of CSS. */
  readonly pixelRatio: () => number;
}

/** The value of a CSS variable, by its name. */
export type Colours = (name: string) => string;

export interface Chart {
  update(data: ChartData, width: number): void;
  destroy(): void;
}

/** There is none by default: the page's root gives it. */
export const PlatformContext = createContext<Platform | null>(null);

export function usePlatform(): Platform {
  const platform = useContext(PlatformContext);
  if (platform === null) throw new Error("The page's root gives no platform.");
  return platform;
}

/** Changes identity with the colour scheme, so that what is drawn with it is drawn again. */
export function useColours(): Colours | null {
  const { watchColours } = usePlatform();
  const [colours, setColours] = useState<{ readonly read: Colours } | null>(null);
  useEffect(() => watchColours((read) => setColours({ read })), [watchColours]);
  return colours?.read ?? null;
}

/** The width of an element, 0 before it is known. */
export function useWidth(element: { readonly current: Element | null }): number {
  const { watchWidth } = usePlatform();
  const [width, setWidth] = useState(0);
  useEffect(() => (element.current === null ? undefined : watchWidth(element.current, setWidth)), [watchWidth]);
  return width;
}
