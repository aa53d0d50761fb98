// Runs inside the HTML report: draws the charts found in the page's data with uPlot.
(() => {
  const runs = JSON.parse(document.getElementById("charts").textContent);
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);
  const plain = (value, digits) => String(Number(value.toFixed(digits)));

  function latency(us) {
    if (us < 1000) return plain(us, us < 10 ? 1 : 0) + " μs";
    if (us < 1e6) return plain(us / 1000, us < 1e4 ? 2 : us < 1e5 ? 1 : 0) + " ms";
    return plain(us / 1e6, 2) + " s";
  }

  function number(value) {
    if (value >= 1e6) return plain(value / 1e6, 2) + " M";
    if (value >= 1e4) return plain(value / 1e3, 1) + " k";
    return plain(value, value < 10 ? 1 : 0);
  }

  const READ = {
    percentile: (x) => plain(100 - 100 * 10 ** -x, Math.max(0, Math.ceil(x) - 1)) + " %",
    logLatency: (x) => latency(10 ** x),
    latency,
    seconds: (x) => plain(x, 2) + " s",
    rate: number,
    count: number,
  };

  // Logarithmic axes get few, round marks: 1, 2 and 5 in each power of ten, or 1 alone when there are many.
  function roundMarks(low, high) {
    const marks = [];
    const steps = high - low > 3 ? [1] : [1, 2, 5];
    for (let power = Math.floor(low); power <= Math.ceil(high); power++) {
      for (const step of steps) {
        const mark = power + Math.log10(step);
        if (mark >= low - 1e-9 && mark <= high + 1e-9) marks.push(mark);
      }
    }
    return marks;
  }

  const Y_AXIS_WIDTH = 64;
  const LABEL_WIDTH = 60;

  // On a narrow page the labels of all marks would overlap: powers of ten alone, and then some of them.
  function thinned(marks, width) {
    const room = Math.max(2, Math.floor(width / LABEL_WIDTH));
    if (marks.length <= room) return marks;
    const powers = marks.filter((mark) => Math.abs(mark - Math.round(mark)) < 1e-9);
    const kept = powers.length < 2 ? marks : powers;
    const every = Math.ceil(kept.length / room);
    return kept.filter((_, i) => i % every === 0);
  }

  function marksOf(unit) {
    if (unit === "percentile") {
      return (plot, _axis, low, high) => {
        const marks = [0, Math.log10(2), 1, 2, 3, 4, 5, 6].filter((x) => x >= low && x <= high);
        // On a narrow page 0 % and 50 % would touch.
        return plot.width < 500 ? marks.filter((x) => x === 0 || x >= 1) : marks;
      };
    }
    if (unit === "logLatency") {
      return (plot, _axis, low, high) => thinned(roundMarks(low, high), plot.width - Y_AXIS_WIDTH);
    }
    return undefined;
  }

  function axis(unit, side) {
    return {
      side,
      stroke: color("quiet"),
      grid: { stroke: color("grid"), width: 1 },
      ticks: { stroke: color("line"), width: 1, size: 4 },
      font: "12px system-ui, sans-serif",
      size: side === 3 ? Y_AXIS_WIDTH : 32,
      splits: marksOf(unit),
      values: (_plot, marks) => marks.map((mark) => mark === null ? "" : READ[unit](mark)),
    };
  }

  function seriesOf(one, unit) {
    const stroke = color(one.color);
    const drawn = {
      label: one.label,
      stroke,
      width: 2,
      points: { show: one.values.filter((value) => value !== null).length === 1 },
      spanGaps: false,
      value: (_plot, value) => value === null || value === undefined ? "–" : READ[unit](value),
    };
    if (one.draw === "bars") {
      drawn.paths = uPlot.paths.bars({ size: [0.9, 60], align: 0 });
      drawn.fill = stroke;
      drawn.width = 0;
      drawn.points = { show: false };
    }
    if (one.draw === "area") drawn.fill = `color-mix(in srgb, ${stroke} 18%, transparent)`;
    if (one.draw === "dashes") drawn.dash = [6, 4];
    return drawn;
  }

  function logY(low, high) {
    const from = Math.log10(Math.max(0.1, low));
    const to = Math.log10(Math.max(1, high));
    return [10 ** (from - 0.05), 10 ** (to + 0.05)];
  }

  function draw(chart, holder) {
    holder.replaceChildren();
    const yAxis = axis(chart.yUnit, 3);
    if (chart.logY) {
      yAxis.splits = (_plot, _axis, low, high) =>
        roundMarks(Math.log10(low), Math.log10(high)).map((mark) => 10 ** mark);
      yAxis.filter = (_plot, marks) => marks;
    }
    const options = {
      width: holder.clientWidth,
      height: 260,
      scales: {
        x: { time: false },
        y: chart.logY
          ? { distr: 3, range: (_plot, low, high) => logY(low, high) }
          : { range: (_plot, _low, high) => [0, high > 0 ? high * 1.06 : 1] },
      },
      axes: [axis(chart.xUnit, 2), yAxis],
      cursor: { drag: { x: true, y: false } },
      series: [
        { label: "at", value: (_plot, x) => x === null ? "–" : READ[chart.xUnit](x) },
        ...chart.series.map((one) => seriesOf(one, chart.yUnit)),
      ],
    };
    return new uPlot(options, [chart.x, ...chart.series.map((one) => one.values)], holder);
  }

  const drawn = [];
  function drawAll() {
    for (const { plot } of drawn.splice(0)) plot.destroy();
    runs.forEach((charts, run) =>
      charts.forEach((chart, i) => {
        const holder = document.getElementById(`plot-${run}-${i}`);
        if (chart.x.length > 0) drawn.push({ plot: draw(chart, holder), holder });
      })
    );
    document.documentElement.dataset.drawn = String(drawn.length);
  }

  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  addEventListener("resize", () => {
    for (const { plot, holder } of drawn) plot.setSize({ width: holder.clientWidth, height: 260 });
  });
})();
