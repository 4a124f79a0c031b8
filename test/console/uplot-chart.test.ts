import type uPlot from "uplot";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { latencyChart, requestChart } from "../../src/console/model/traffic.js";

/** uPlot draws only in a browser; these tests check its arguments. */
class FakePlot {
  static readonly made: FakePlot[] = [];
  readonly options: uPlot.Options;
  data: unknown;
  width: number;
  isDestroyed = false;

  constructor(options: uPlot.Options, data: unknown) {
    this.options = options;
    this.data = data;
    this.width = options.width;
    FakePlot.made.push(this);
  }
  setData(data: unknown): void {
    this.data = data;
  }
  setSize({ width }: { readonly width: number }): void {
    this.width = width;
  }
  destroy(): void {
    this.isDestroyed = true;
  }
}

vi.doMock("uplot", () => ({ default: FakePlot }));
const { drawChart } = await import("../../src/console/uplot-chart.js");
beforeEach(() => void FakePlot.made.splice(0));

const seconds = [
  [1_000, 5, 1, 2],
  [2_000, 7, 3, 4],
] as const;
const element = {} as Element;
const colours = (name: string): string => `colour of ${name}`;

describe("a traffic chart", () => {
  it("is created when its width is known, and updated with new figures and widths", () => {
    const chart = drawChart(element, colours);
    chart.destroy();
    chart.update(requestChart(seconds), 400);
    chart.update(requestChart(seconds.slice(1)), 400);
    chart.update(requestChart(seconds.slice(1)), 300);
    chart.destroy();
    const [plot] = FakePlot.made;
    expect(FakePlot.made).toHaveLength(1);
    expect([plot?.data, plot?.width, plot?.isDestroyed]).toEqual([[[2], [7]], 300, true]);
  });

  it("distinguishes its lines by more than colour, and labels its axes with units", () => {
    drawChart(element, colours).update(latencyChart(seconds), 400);
    drawChart(element, colours).update(requestChart(seconds), 400);
    const [latency, requests] = FakePlot.made.map(({ options }) => options);
    expect(latency?.series.map(({ label, dash }) => [label, dash])).toEqual([
      [undefined, undefined],
      ["p50", undefined],
      ["p99", [5, 4]],
    ]);
    expect(requests?.series[1]).toMatchObject({ stroke: "colour of --line-a", fill: "colour of --area" });
    const labels = latency?.axes?.map(({ values }) => values as unknown as (self: null, splits: number[]) => string[]);
    expect(labels?.[1]?.(null, [0.5, 2_000])).toEqual(["0.5 ms", "2 s"]);
    expect(labels?.[0]?.(null, [0])[0]).toMatch(/^\d\d:\d\d:00$/);
    const range = latency?.scales?.["y"]?.range as unknown as (self: null, min: number, max: number) => number[];
    expect([range(null, 0, 0), range(null, 0, 100)[0]]).toEqual([[0, 1], 0]);
  });

  it("shows at least a minute, however little is known, and otherwise all", () => {
    drawChart(element, colours).update(latencyChart(seconds), 400);
    const range = FakePlot.made[0]?.options.scales?.["x"]?.range as unknown as (
      plot: null,
      min: number,
      max: number,
    ) => number[];
    expect([range(null, 1_000, 1_005), range(null, 1_000, 1_300)]).toEqual([
      [945, 1_005],
      [1_000, 1_300],
    ]);
  });

  it("marks isolated seconds, large enough to be seen", () => {
    drawChart(element, colours).update(latencyChart(seconds), 400);
    const points = FakePlot.made[0]?.options.series[1]?.points;
    expect(points).toMatchObject({ show: true, size: 6 });
    const filter = points?.filter as unknown as (plot: object, series: number) => number[];
    expect(filter({ data: [[], [1, null, undefined, 2]] }, 1)).toEqual([0, 3]);
    expect(filter({ data: [] }, 1)).toEqual([]);
  });

  it("leaves room for the last time label, and counts requests in integers", () => {
    drawChart(element, colours).update(requestChart(seconds), 400);
    drawChart(element, colours).update(latencyChart(seconds), 400);
    const [requests, latency] = FakePlot.made.map(({ options }) => options);
    expect(Number(requests?.padding?.[1])).toBeGreaterThanOrEqual(30);
    const steps = requests?.axes?.[1]?.incrs as readonly number[];
    expect(steps.slice(0, 5)).toEqual([1, 2, 5, 10, 20]);
    expect(steps.every(Number.isInteger)).toBe(true);
    expect(latency?.axes?.[1]).not.toHaveProperty("incrs");
  });
});
