/** Draws a chart with uPlot: the one place that knows it. */
import uPlot from "uplot";
import type { ChartData, Line } from "./model/traffic.js";
import type { Chart, Colours } from "./platform.js";

const height = 150;

export function drawChart(element: Element, colours: Colours): Chart {
  let plot: uPlot | null = null;
  return {
    update(data, width) {
      const values: uPlot.AlignedData = [[...data.times], ...data.lines.map(({ values }) => [...values])];
      if (plot === null) {
        plot = new uPlot(optionsOf(data, width, colours), values, element as HTMLElement);
        return;
      }
      if (plot.width !== width) plot.setSize({ width, height });
      plot.setData(values);
    },
    destroy: () => plot?.destroy(),
  };
}

function optionsOf({ lines, format }: ChartData, width: number, colours: Colours): uPlot.Options {
  const axis = { stroke: colours("--muted"), grid: { stroke: colours("--line"), width: 1 }, ticks: { show: false } };
  return {
    width,
    height,
    padding: [10, 12, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] } },
    series: [{}, ...lines.map((line) => seriesOf(line, colours))],
    axes: [
      { ...axis, space: 70, size: 24, values: (_plot, splits) => splits.map(timeText) },
      { ...axis, size: 58, space: 24, values: (_plot, splits) => splits.map((split) => format(split)) },
    ],
  };
}

function seriesOf({ label, colour, isDashed, isFilled }: Line, colours: Colours): uPlot.Series {
  const stroke = colours(colour);
  return {
    label,
    stroke,
    width: 1.75,
    // So small that they show only where a second stands alone.
    points: { show: true, size: 2, width: 0, fill: stroke },
    ...(isDashed ? { dash: [5, 4] } : {}),
    ...(isFilled ? { fill: colours("--area") } : {}),
  };
}

function timeText(seconds: number): string {
  return new Date(seconds * 1_000).toTimeString().slice(0, 8);
}
