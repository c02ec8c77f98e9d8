// A report's chart: bars of calls and a line in percent, drawn on a canvas. The table beside it has the same figures.
import { BarChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([BarChart, LineChart, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

interface ChartData {
  labels: string[];
  /** Whether the labels are times: only then does a line between two points mean something. */
  timed: boolean;
  bars: { name: string; data: number[] }[];
  line: { name: string; data: (number | null)[] };
}

const mounted = new WeakSet<Element>();

/** Draws every `[data-chart]` below `root`; one that leaves the page is given up. */
export function mountCharts(root: ParentNode): void {
  for (const element of root.querySelectorAll<HTMLElement>("[data-chart]")) {
    if (mounted.has(element)) continue;
    mounted.add(element);
    mount(element, JSON.parse(element.dataset["chart"] ?? "{}") as ChartData);
  }
}

function mount(element: HTMLElement, data: ChartData): void {
  const chart = init(element, null, { renderer: "canvas" });
  const draw = (): void => chart.setOption(options(element, data), true);
  draw();
  const size = new ResizeObserver(() => {
    if (element.isConnected) return chart.resize();
    size.disconnect();
    theme.disconnect();
    chart.dispose();
  });
  // The theme's colours are read when drawing: another theme is another drawing.
  const theme = new MutationObserver(draw);
  theme.observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
  size.observe(element);
}

function options(element: HTMLElement, data: ChartData): Parameters<ReturnType<typeof init>["setOption"]>[0] {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const text = style.color;
  const lines = { lineStyle: { color: colour("--tblr-border-color") } };
  const axis = { axisLabel: { color: text }, axisLine: lines, splitLine: lines };
  const fills = [colour("--tblr-green"), colour("--tblr-orange")];
  return {
    animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    textStyle: { fontFamily: style.fontFamily },
    // As text on the canvas: the content policy lets no script write styles into HTML.
    tooltip: { trigger: "axis", renderMode: "richText" },
    legend: { textStyle: { color: text }, top: 0 },
    grid: { left: 48, right: 56, top: 36, bottom: 28 },
    xAxis: { type: "category", data: data.labels, ...axis },
    yAxis: [
      { type: "value", minInterval: 1, ...axis },
      { type: "value", min: 0, max: 100, axisLabel: { color: text, formatter: "{value} %" }, splitLine: { show: false } },
    ],
    series: [
      ...data.bars.map((bar, at) => ({ type: "bar" as const, stack: "calls", name: bar.name, data: bar.data, color: fills[at], barMaxWidth: 36 })),
      { type: "line" as const, yAxisIndex: 1, name: data.line.name, data: data.line.data, color: colour("--tblr-blue"), symbolSize: data.timed ? 6 : 10, lineStyle: { width: data.timed ? 2 : 0 } },
    ],
  };
}
