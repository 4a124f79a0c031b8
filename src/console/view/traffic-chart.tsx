/** One chart of the last minutes, with its current values as text beside it. */
import { useEffect, useRef } from "preact/hooks";
import type { ChartData } from "../model/traffic.js";
import { type Chart, useColours, usePlatform, useWidth } from "../platform.js";

export function TrafficChart({ data }: { readonly data: ChartData }) {
  const frame = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);
  const width = useWidth(frame);
  const colours = useColours();
  const { drawChart } = usePlatform();
  useEffect(() => {
    if (frame.current === null || colours === null) return;
    const drawn = drawChart(frame.current, colours);
    chart.current = drawn;
    return () => drawn.destroy();
  }, [colours, drawChart]);
  useEffect(() => {
    if (width > 0) chart.current?.update(data, width);
  }, [data, width, colours]);
  return (
    <figure class="card chart">
      <figcaption>
        <h2>{data.title}</h2>
        <p class="hint">{data.text}</p>
        <ul class="legend" aria-hidden="true">
          {data.lines.map(({ label, colour, isDashed }) => (
            <li key={label}>
              <span class={isDashed ? "stroke is-dashed" : "stroke"} style={{ borderColor: `var(${colour})` }} />{" "}
              {label}
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={frame} class="plot" role="img" aria-label={`${data.title}: ${data.text}`} />
    </figure>
  );
}
