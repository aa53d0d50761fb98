/**
 * Bar chart of the comparison, with this project highlighted.
 *
 * @module
 */

import * as echarts from "echarts";
import { medianOf, type Row } from "./report.ts";

const OURS = "#0b7285";
const OTHERS = ["#868e96", "#9aa2a9", "#adb5bd", "#ced4da", "#dee2e6", "#e9ecef"];
const WIDTH = 960;
const BAR_HEIGHT = 21;
const TOP = 64;
const BOTTOM = 71;

/** Draws CPU time per call for each workload; shorter is better. */
export function chart(rows: Row[], subtitle: string, footer: string[]): string {
  const workloads = [...new Set(rows.map((row) => row.workload))];
  const others = [...new Set(rows.filter((row) => !row.ours).map((row) => row.peer))];
  const colour = (row: Row) => row.ours ? OURS : OTHERS[others.indexOf(row.peer) % OTHERS.length];
  const columns = 2;
  const panelHeight = 56 + BAR_HEIGHT * (others.length + 1);
  const lines = Math.ceil(workloads.length / columns);
  const height = TOP + lines * panelHeight + BOTTOM;
  const canvas = echarts.init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height });
  const panels = workloads.map((workload, index) => {
    const group = rows.filter((row) => row.workload === workload);
    const left = (index % columns) * (WIDTH / columns);
    const top = TOP + Math.floor(index / columns) * panelHeight;
    return { group, left, top, name: group[0].name };
  });
  canvas.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    title: [
      { text: "CPU time per call or message, µs: shorter is better", subtext: subtitle, left: 16 },
      ...panels.map(({ name, left, top }) => ({
        text: name,
        left: left + 16,
        top,
        textStyle: { fontSize: 13, fontWeight: "normal" as const },
      })),
      ...footer.map((text, index) => ({
        text,
        left: 16,
        top: height - BOTTOM + 12 + index * 15,
        textStyle: { fontSize: 10, fontWeight: "normal" as const, color: "#868e96" },
      })),
    ],
    grid: panels.map(({ left, top, group }) => ({
      left: left + 110,
      width: WIDTH / columns - 190,
      top: top + 22,
      height: group.length * BAR_HEIGHT,
    })),
    xAxis: panels.map((_, gridIndex) => ({ type: "value" as const, gridIndex, show: false })),
    yAxis: panels.map(({ group }, gridIndex) => ({
      type: "category" as const,
      gridIndex,
      inverse: true,
      data: group.map((row) => row.peer),
      axisTick: { show: false },
      axisLine: { show: false },
      axisLabel: { fontSize: 11, color: "#343a40" },
    })),
    series: panels.map(({ group }, index) => ({
      type: "bar" as const,
      xAxisIndex: index,
      yAxisIndex: index,
      barWidth: 14,
      data: group.map((row) => {
        const measured = row.samples.length > 0;
        return {
          value: measured ? Number(medianOf(row, "cpuUs").toPrecision(3)) : 0,
          itemStyle: { color: colour(row) },
          label: {
            show: true,
            position: "right" as const,
            fontSize: 11,
            color: "#343a40",
            ...(measured ? {} : { formatter: "fails" }),
          },
        };
      }),
    })),
  });
  const svg = canvas.renderToSVGString();
  canvas.dispose();
  return svg;
}
