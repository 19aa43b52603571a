"use strict";
// Draws the charts of the page from the JSON beside them; a page that is live fetches itself again.
(() => {
  const root = document.documentElement, PAPER = 690; // pixels across a sheet within its margins
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const short = (v) => {
    if (v == null) return "–";
    const size = Math.abs(v);
    if (v === 0) return "0";
    if (size >= 1e6 || size < 1e-3) return v.toExponential(2).replace("e+", "e");
    return String(+v.toPrecision(4));
  };

  const last = (values) => values.findLast((v) => v != null); // what a legend shows while nothing is pointed at

  function marks(chart) {
    return (u) => {
      const { ctx } = u, { left, top, width, height } = u.bbox;
      ctx.save();
      ctx.setLineDash([5, 4]);
      ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
      ctx.strokeStyle = ctx.fillStyle = colour("--quiet");
      ctx.textAlign = "left";
      ctx.textBaseline = "alphabetic"; // the axes leave another one behind
      let row = 0; // labels of vertical marks stand beneath each other
      for (const mark of chart.marks) {
        const across = mark.axis === "y";
        const at = u.valToPos(mark.at, across ? "y" : "x", true);
        if (!isFinite(at) || at < (across ? top : left) || at > (across ? top + height : left + width)) continue;
        ctx.beginPath();
        if (across) { ctx.moveTo(left, at); ctx.lineTo(left + width, at); }
        else { ctx.moveTo(at, top); ctx.lineTo(at, top + height); }
        ctx.stroke();
        const room = ctx.measureText(mark.label).width + 6;
        const above = at - 4 * devicePixelRatio, below = at + 13 * devicePixelRatio;
        if (across) ctx.fillText(mark.label, left + width - room, above - 10 * devicePixelRatio < top ? below : above);
        else ctx.fillText(mark.label, Math.min(at + 4, left + width - room), top + 12 * ++row * devicePixelRatio);
      }
      ctx.restore();
    };
  }

  function range(chart) {
    return (u, low, high) => {
      if (low == null) return [0, 1];
      for (const m of chart.marks) if (m.axis === "y") { low = Math.min(low, m.at); high = Math.max(high, m.at); }
      if (chart.log_y) return [low / 1.2, high * 1.2];
      const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
      return [low >= 0 && low - room < 0 ? 0 : low - room, high + room];
    };
  }

  function drawChart(box, chart) {
    const lines = chart.lines.filter((l) => l.x.length);
    const named = lines.length > 1 && lines.every((l) => new Set(l.y).size === 1 && l.x.length > 1) &&
      new Set(lines.map((l) => l.y[0])).size === lines.length; // bars beside each other: the axis holds their names
    const names = new Map(lines.map((l) => [l.y[0], l.name])), wide = box.clientWidth || 600;
    const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
    const idle = (l) => short(last(l.y));
    const data = lines.length ? uPlot.join(lines.map((l) => [l.x, l.y])) : [[]];
    const decades = (u, at) => at.map((v) => (Math.abs(Math.log10(v) % 1) < 1e-9 ? v : null));
    const axis = (label, size, log) => ({
      stroke: colour("--quiet"), grid: { stroke: colour("--rule"), width: 1, ...(log ? { filter: decades } : {}) }, ticks: { stroke: colour("--rule"), width: 1 },
      label, labelSize: 18, size, font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif",
      values: (u, at) => at.map((v) => (v == null ? null : short(v))),
    });
    const series = lines.map((l, i) => {
      const stroke = colour(`--line${(i % 6) + 1}`);
      const points = l.kind === "points" || l.x.length < 3;
      return {
        label: l.name, stroke, width: l.kind === "points" ? 0 : 1.5, value: (u, v, i, at) => at == null ? idle(l) : short(v),
        points: { show: points, size: 6, fill: stroke, stroke }, dash: i >= 6 ? [6, 3] : undefined,
      };
    });
    const plot = new uPlot({
      width: box.clientWidth || 600, height: 260, cursor: { drag: { x: true, y: false } }, legend: { show: !named, live: true },
      scales: { x: { time: false, distr: chart.log_x ? 3 : 1 }, y: { distr: chart.log_y ? 3 : 1, range: range(chart) } },
      axes: [axis(chart.x, 44, chart.log_x), named ? {
        ...axis(null, Math.min(190, wide / 2.6)), splits: () => [...names.keys()],
        values: (u, at) => at.map((v) => cut(names.get(v) || "", wide < 500 ? 20 : 30)),
      } : axis(chart.y, 64, chart.log_y)],
      series: [{ label: chart.x, value: (u, v, i, at) => (at == null ? "last" : short(v)) }, ...series],
      hooks: { draw: [marks(chart)] },
    }, data, box);
    box.plot = plot;
    box.onkeydown = (event) => {
      const [low, high] = [plot.scales.x.min, plot.scales.x.max], all = data[0];
      const to = chart.log_x ? Math.log : (v) => v, from = chart.log_x ? Math.exp : (v) => v;
      const a = to(low), b = to(high), span = b - a;
      const move = { "+": [a + span / 4, b - span / 4], "=": [a + span / 4, b - span / 4], "-": [a - span / 2, b + span / 2],
        ArrowLeft: [a - span / 5, b - span / 5], ArrowRight: [a + span / 5, b + span / 5], 0: [-Infinity, Infinity] }[event.key];
      if (!move || !all.length) return;
      event.preventDefault();
      const min = Math.max(from(move[0]), all[0]), max = Math.min(from(move[1]), all[all.length - 1]);
      if (min < max) plot.setScale("x", { min, max });
    };
  }

  function drawMap(box, map) {
    const canvas = document.createElement("canvas"), read = document.createElement("div");
    read.className = "read quiet";
    box.append(canvas, read);
    const rowHeight = map.rows.length > 40 ? 10 : 18, names = Math.min(170, box.clientWidth / 3), foot = 20;
    const width = box.clientWidth || 600, height = map.rows.length * rowHeight + foot, scale = devicePixelRatio || 1;
    canvas.width = width * scale; canvas.height = height * scale; canvas.style.height = `${height}px`;
    const value = (v) => (map.log ? (v > 0 ? Math.log10(v) : null) : v);
    const known = map.values.flat().filter((v) => v != null).map(value).filter((v) => v != null);
    const low = Math.min(...known), high = Math.max(...known), ctx = canvas.getContext("2d");
    const cell = (width - names) / Math.max(map.columns.length, 1);
    const hue = (v) => {
      const t = high > low ? (v - low) / (high - low) : 0.5;
      const stops = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]], at = t * 4, i = Math.min(Math.floor(at), 3);
      return `rgb(${stops[i].map((c, k) => Math.round(c + (stops[i + 1][k] - c) * (at - i))).join(",")})`;
    };
    ctx.scale(scale, scale);
    ctx.font = "11px system-ui, sans-serif";
    map.rows.forEach((name, r) => {
      ctx.fillStyle = colour("--quiet");
      let text = name;
      while (text.length > 4 && ctx.measureText(text).width > names - 10) text = "…" + text.slice(2);
      if (rowHeight >= 14 || r % 2 === 0) ctx.fillText(text, 0, r * rowHeight + rowHeight * 0.72);
      map.values[r].forEach((v, c) => {
        const at = v == null ? null : value(v);
        ctx.fillStyle = at == null ? colour("--card") : hue(at);
        ctx.fillRect(names + c * cell, r * rowHeight, Math.ceil(cell), rowHeight - 1);
      });
    });
    ctx.fillStyle = colour("--quiet");
    const last = map.columns[map.columns.length - 1];
    ctx.fillText(`${map.x} ${short(map.columns[0])}`, names, height - 6);
    const words = short(last);
    ctx.fillText(words, width - ctx.measureText(words).width, height - 6);
    const scaleWords = known.length ? `dark ${short(map.log ? 10 ** low : low)}, light ${short(map.log ? 10 ** high : high)}` : "nothing measured";
    read.textContent = scaleWords;
    canvas.onmousemove = (event) => {
      const c = Math.floor((event.offsetX - names) / cell), r = Math.floor(event.offsetY / rowHeight);
      const inside = map.values[r] && c >= 0 && c < map.columns.length;
      read.textContent = inside ? `${map.rows[r]}, ${map.x} ${short(map.columns[c])}: ${short(map.values[r][c])}` : scaleWords;
    };
    canvas.onmouseleave = () => { read.textContent = scaleWords; };
  }

  function draw(figure) {
    const box = figure.querySelector(".plot"), data = figure.querySelector('script[type="application/json"]');
    if (!box || !data || !box.clientWidth) return;
    const zoom = box.plot ? { ...box.plot.scales.x } : null;
    if (box.plot) box.plot.destroy();
    box.plot = null;
    box.replaceChildren();
    widths.set(box, box.clientWidth);
    observer.observe(box);
    const chart = JSON.parse(data.textContent);
    if (figure.classList.contains("map")) drawMap(box, chart);
    else drawChart(box, chart);
    if (zoom && box.plot && zoom.min != null) box.plot.setScale("x", { min: zoom.min, max: zoom.max });
  }
  const figures = () => document.querySelectorAll("figure.chart, figure.map");
  const drawAll = () => figures().forEach(draw);
  // A chart inside something that is folded is drawn when it is opened.
  document.addEventListener("toggle", (event) => {
    if (event.target.open) event.target.querySelectorAll("figure.chart, figure.map").forEach(draw);
  }, true);

  const widths = new WeakMap();
  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (Math.abs((widths.get(target) || 0) - target.clientWidth) > 1) draw(target.closest("figure"));
    }
  });
  drawAll();

  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", drawAll);

  // Paper is light and narrow: what explains is unfolded, tables of every value and every package are not.
  let before = null;
  addEventListener("beforeprint", () => {
    before = { theme: root.dataset.theme, width: document.body.style.width };
    root.dataset.theme = "light";
    document.body.style.width = `${PAPER}px`;
    document.querySelectorAll("details.card, .card details").forEach((d) => { if (!d.closest("figure")) d.open = true; });
    drawAll();
  });
  addEventListener("afterprint", () => {
    if (!before) return;
    if (before.theme) root.dataset.theme = before.theme; else delete root.dataset.theme;
    document.body.style.width = before.width;
    before = null;
    drawAll();
  });

  const button = document.getElementById("theme");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const label = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  button.hidden = false;
  label();
  button.onclick = () => { root.dataset.theme = isDark() ? "light" : "dark"; label(); drawAll(); };

  const every = Number(root.dataset.every || 0);
  if (every) {
    const key = (figure) => figure.querySelector("figcaption").textContent;
    setInterval(async () => {
      let text;
      try {
        const answer = await fetch(location.href, { cache: "no-store" });
        if (!answer.ok) return;
        text = await answer.text();
      } catch { return; } // the run, and its server with it, is over: what is here stays
      const fresh = new DOMParser().parseFromString(text, "text/html");
      const open = new Set([...document.querySelectorAll("details[open] > summary")].map((s) => s.textContent));
      const zooms = new Map([...figures()].filter((f) => f.querySelector(".plot").plot).map((f) => {
        const plot = f.querySelector(".plot").plot, x = plot.data[0];
        const whole = plot.scales.x.min <= x[0] && plot.scales.x.max >= x[x.length - 1];
        return [key(f), whole ? null : { min: plot.scales.x.min, max: plot.scales.x.max }];
      }));
      figures().forEach((f) => { const box = f.querySelector(".plot"); if (box.plot) box.plot.destroy(); });
      const at = scrollY;
      document.querySelector("main").replaceWith(document.adoptNode(fresh.querySelector("main")));
      document.querySelectorAll("details > summary").forEach((s) => { if (open.has(s.textContent)) s.parentElement.open = true; });
      document.title = fresh.title;
      drawAll();
      figures().forEach((f) => {
        const zoom = zooms.get(key(f)), plot = f.querySelector(".plot").plot;
        if (zoom && plot) plot.setScale("x", zoom);
      });
      scrollTo(0, at);
    }, every * 1000);
  }
  performance.mark("drawn");
  root.dataset.ready = "yes";
})();
