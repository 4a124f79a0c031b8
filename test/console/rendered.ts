/** Components rendered into a small DOM, on a platform whose answers are given by the test. */
import { h, render, type ComponentChild } from "preact";
import { act } from "preact/test-utils";
import { vi } from "vitest";
import type { Stream } from "../../src/console/model/event-stream.js";
import type { Problem } from "../../src/console/model/gateway.js";
import type { ChartData } from "../../src/console/model/traffic.js";
import { PlatformContext, type Colours, type Platform } from "../../src/console/platform.js";
import { FakeClock, settle } from "../support/fake-clock.js";
import { document, SmallElement } from "./small-dom.js";

export class FakeStream implements Stream {
  readonly #listeners = new Map<string, (data: string) => void>();
  #onFailure = (_problem: Problem | null): void => {};
  isClosed = false;

  onEvent(name: string, listener: (data: string) => void): void {
    this.#listeners.set(name, listener);
  }
  onFailure(listener: (problem: Problem | null) => void): void {
    this.#onFailure = listener;
  }
  close(): void {
    this.isClosed = true;
  }
  send(name: string, data: object): void {
    this.#listeners.get(name)?.(JSON.stringify(data));
  }
  fail(problem: Problem | null = null): void {
    this.#onFailure(problem);
  }
}

export class FakePlatform implements Platform {
  readonly clock = new FakeClock();
  readonly streams: FakeStream[] = [];
  readonly posted: object[] = [];
  readonly charts: { data: ChartData | null; width: number; isDestroyed: boolean }[] = [];
  readonly tokens: (string | null)[] = [];
  readonly openedWithToken: string[] = [];
  width = 800;
  /** The gateway's answers to the next requests. */
  answer: (body: { readonly documentId: string; readonly variables: Record<string, unknown> }) => unknown = () => ({
    data: { shard: null },
  });
  showPage: (isVisible: boolean) => void = () => {};
  changeColours: () => void = () => {};

  readonly post: Platform["post"] = async (body) => {
    this.posted.push(body);
    return this.answer(body as Parameters<FakePlatform["answer"]>[0]);
  };
  readonly openStream = (): FakeStream => {
    const stream = new FakeStream();
    this.streams.push(stream);
    return stream;
  };
  readonly hasToken = (): boolean => (this.tokens.at(-1) ?? null) !== null;
  readonly openWithToken: Platform["openWithToken"] = (path) => void this.openedWithToken.push(path);
  readonly keepToken: Platform["keepToken"] = (token) => void this.tokens.push(token);
  readonly after: Platform["after"] = (delayMs, callback) => this.clock.after(delayMs, callback);
  readonly watchVisible: Platform["watchVisible"] = (callback) => {
    this.showPage = callback;
    callback(true);
    return () => {};
  };
  readonly watchWidth: Platform["watchWidth"] = (_element, callback) => {
    callback(this.width);
    return () => {};
  };
  readonly watchColours: Platform["watchColours"] = (callback) => {
    const colours: Colours = (name) => name;
    this.changeColours = () => callback((name) => `new ${name}`);
    callback(colours);
    return () => {};
  };
  readonly drawChart: Platform["drawChart"] = () => {
    const chart = { data: null as ChartData | null, width: 0, isDestroyed: false };
    this.charts.push(chart);
    return {
      update: (data, width) => Object.assign(chart, { data, width }),
      destroy: () => Object.assign(chart, { isDestroyed: true }),
    };
  };
  readonly pixelRatio = (): number => 2;

  get stream(): FakeStream {
    const stream = this.streams.at(-1);
    if (stream === undefined) throw new Error("No stream was opened.");
    return stream;
  }
}

export interface Rendered {
  readonly root: SmallElement;
  readonly platform: FakePlatform;
  /** Performs an action, and waits until the page shows its effects. */
  act(doing: () => unknown): Promise<void>;
  /** Renders other content in the same place. */
  show(content: ComponentChild): Promise<void>;
  remove(): Promise<void>;
}

export async function rendered(content: ComponentChild, platform = new FakePlatform()): Promise<Rendered> {
  vi.stubGlobal("document", document);
  const root = new SmallElement("main");
  const doAct = async (doing: () => unknown): Promise<void> => {
    // Effects run when the first act ends; their requests are answered in the second.
    await act(async () => void (await doing()));
    await act(settle);
  };
  const show = (shown: ComponentChild): Promise<void> =>
    doAct(() => render(h(PlatformContext.Provider, { value: platform }, shown), root as unknown as Element));
  await show(content);
  return { root, platform, act: doAct, show, remove: () => doAct(() => render(null, root as unknown as Element)) };
}
