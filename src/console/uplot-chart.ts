/** Draws a chart with uPlot, which no other file uses. */
import uPlot from "uplot";
import { isolated, type ChartData, type ChartLine } from "./model/traffic.js";
import type { Chart, Colours } from "./platform.js";

const height = 150;
/** Half the width of a time label, which is centred on its moment: the last one may be at the right edge. */
const labelOverhang = 30;
const secondsMin = 60;
const wholeSteps = [1, 2, 5]
  .flatMap((step) => Array.from({ length: 9 }, (_, power) => step * 10 ** power))
  .toSorted((a, b) => a - b);

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

function optionsOf({ lines, format, isWhole }: ChartData, width: number, colours: Colours): uPlot.Options {
  const axis = { stroke: colours("--muted"), grid: { stroke: colours("--line"), width: 1 }, ticks: { show: false } };
  return {
    width,
    height,
    padding: [10, labelOverhang, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      // Without a minimum, the first few seconds would be stretched over the whole width.
      x: { range: (_plot, min, max) => [Math.min(min, max - secondsMin), max] },
      y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] },
    },
    series: [{}, ...lines.map((line) => seriesOf(line, colours))],
    axes: [
      { ...axis, space: 70, size: 28, gap: 8, values: (_plot, splits) => splits.map(timeText) },
      {
        ...axis,
        size: 58,
        space: 24,
        values: (_plot, splits) => splits.map((split) => format(split)),
        ...(isWhole ? { incrs: wholeSteps } : {}),
      },
    ],
  };
}

function seriesOf({ label, colour, isDashed, isFilled }: ChartLine, colours: Colours): uPlot.Series {
  const stroke = colours(colour);
  return {
    label,
    stroke,
    width: 1.75,
    // Points are drawn only for isolated seconds, and large enough to be visible.
    points: {
      show: true,
      size: 6,
      width: 0,
      fill: stroke,
      filter: (plot, series) => [...isolated(Array.from(plot.data[series] ?? [], (value) => value ?? null))],
    },
    ...(isDashed ? { dash: [5, 4] } : {}),
    ...(isFilled ? { fill: colours("--area") } : {}),
  };
}

function timeText(seconds: number): string {
  return new Date(seconds * 1_000).toTimeString().slice(0, 8);
}
