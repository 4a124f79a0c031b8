/** A report as an SVG picture: a group of bars for each measurement, one bar per contestant, capacity per core. */

import { labelOf } from "./label.mjs";

const colours = {
  shardgate: "#0b7a75",
  "shardgate REST": "#6fb1ad",
  "bare proxy": "#7a7a7a",
  "storage nodes": "#b9b9b9",
};
const otherColours = ["#c98b2b", "#a5548a", "#5b6fb5", "#b5533c", "#7d8f3a"];
const barHeight = 16;
const groupGap = 14;
const labelWidth = 340;
const plotWidth = 520;
const top = 64;

/** The bare proxy's capacity is the unit: without it there is no picture. */
export function isPlotted({ rows }) {
  return rows?.some(({ capacityPerCore }) => capacityPerCore !== null) ?? false;
}

export function plot({ suite, date, node, cores, rows }) {
  const groups = groupsOf(rows);
  const longest = Math.max(...rows.map(({ capacityPerCore }) => capacityPerCore ?? 0), 1);
  const names = [...new Set(rows.map(({ contestant }) => contestant))];
  const parts = [];
  let y = top;
  for (const [label, members] of groups) {
    parts.push(text(labelWidth - 10, y + (members.length * barHeight) / 2 + 4, label, "end"));
    for (const { contestant, capacityPerCore } of members) {
      const width = ((capacityPerCore ?? 0) / longest) * plotWidth;
      const colour = colourOf(contestant, names);
      parts.push(
        `<rect x="${labelWidth}" y="${y}" width="${width.toFixed(1)}" height="${barHeight - 3}" fill="${colour}"/>`,
      );
      parts.push(text(labelWidth + width + 6, y + 11, `${(capacityPerCore ?? 0).toFixed(2)} ${contestant}`, "start"));
      y += barHeight;
    }
    y += groupGap;
  }
  const one = labelWidth + plotWidth / longest;
  parts.push(
    `<line x1="${one}" x2="${one}" y1="${top - 8}" y2="${y - groupGap + 4}" stroke="#333" stroke-dasharray="3 3"/>`,
  );
  const width = labelWidth + plotWidth + 180;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y + 10}" viewBox="0 0 ${width} ${y + 10}" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="12" y="24" font-size="16" fill="#111">Capacity per core, bare proxy = 1 (${escaped(suite)})</text>`,
    text(12, 44, `requests per second of CPU time; Node ${node}, ${cores} cores, ${date}`, "start"),
    ...parts,
    "</svg>\n",
  ].join("\n");
}

/** Measurements in the order in which they were made. */
function groupsOf(rows) {
  const groups = new Map();
  for (const row of rows) {
    const label = labelOf(row);
    groups.set(label, [...(groups.get(label) ?? []), row]);
  }
  return groups;
}

function colourOf(name, names) {
  const others = names.filter((other) => colours[other] === undefined);
  return colours[name] ?? otherColours[others.indexOf(name) % otherColours.length];
}

function text(x, y, content, anchor) {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="#222">${escaped(content)}</text>`;
}

function escaped(content) {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
