/* The timeline: what was in use over the run, the peak, the chosen instant or range. Pure but for timeline_draw(). */

/* Where bin @bin begins in a width of pixels. Bins lie by time: they are of two widths. */
function timeline_x(m, bin, width) {
  return data_bin_ns(m, bin) / m.info.end_ns * width;
}
function timeline_bin(m, x, width) {
  return data_bin_of(m, Math.max(0, Math.min(1, x / width)) * m.info.end_ns);
}
/* The processes that get a lane: the longest, at most @most, by their start. */
function timeline_lanes(processes, end_ns, most) {
  const length = (p) => (p.ended_ns === null ? end_ns : Math.min(p.ended_ns, end_ns)) - p.started_ns;
  return processes.slice().sort((a, b) => length(b) - length(a)).slice(0, most).sort((a, b) => a.started_ns - b.started_ns);
}

const TIMELINE_HEIGHT = 120, TIMELINE_LANE = 7;
/* @view: canvas, m, from, to, range (not an instant), lanes, most (of the scale; its own when not given), colors: area, line, ink, chosen, lane */
function timeline_draw(view) {
  const { canvas, m, colors } = view, width = canvas.clientWidth;
  const lanes = view.lanes.length > 1 ? view.lanes : [], height = TIMELINE_HEIGHT + lanes.length * TIMELINE_LANE;
  const g = flame_canvas(canvas, height), bins = m.info.bins, top = 16;
  const most = view.most || m.high.reduce((a, b) => Math.max(a, b), 1);
  const y = (n) => TIMELINE_HEIGHT - Math.max(0, n) / most * (TIMELINE_HEIGHT - top);
  g.beginPath();
  g.moveTo(0, TIMELINE_HEIGHT);
  for (let i = 0; i < bins; i++) {
    g.lineTo(timeline_x(m, i, width), y(m.high[i]));
    g.lineTo(timeline_x(m, i + 1, width), y(m.high[i]));
  }
  g.lineTo(width, TIMELINE_HEIGHT);
  g.fillStyle = colors.area;
  g.fill();
  g.beginPath();
  for (let i = 0; i < bins; i++) g.lineTo((timeline_x(m, i, width) + timeline_x(m, i + 1, width)) / 2, y(m.low[i]));
  g.strokeStyle = colors.line;
  g.stroke();
  const x1 = timeline_x(m, view.to + 1, width), x0 = view.range ? timeline_x(m, view.from, width) : x1 - 1;
  g.fillStyle = colors.chosen;
  g.globalAlpha = view.range ? 0.25 : 1;
  g.fillRect(x0, 0, Math.max(2, x1 - x0), height);
  g.globalAlpha = 1;
  const peak = m.info.peak_ns / m.info.end_ns * width, right = peak > width - 50;
  g.fillStyle = colors.ink;
  g.beginPath();
  g.moveTo(peak - 5, 0);
  g.lineTo(peak + 5, 0);
  g.lineTo(peak, 8);
  g.fill();
  g.font = "11px system-ui, 'DejaVu Sans', sans-serif";
  g.textAlign = right ? "right" : "left";
  g.fillText("peak", peak + (right ? -8 : 8), 10);
  g.fillStyle = colors.lane;
  lanes.forEach((process, i) => {
    const from = process.started_ns / m.info.end_ns * width;
    const to = (process.ended_ns === null ? 1 : Math.min(1, process.ended_ns / m.info.end_ns)) * width;
    g.fillRect(from, TIMELINE_HEIGHT + i * TIMELINE_LANE + 2, Math.max(1, to - from), TIMELINE_LANE - 3);
  });
}
