"use strict";
// The page of lens report --html. Texts of the trace are not trusted: they reach the page through textContent only.
// Characters that show nothing or turn the writing around become U+FFFD; only the plan has lines.
const STRANGE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
const data = JSON.parse(document.getElementById("data").textContent, (key, value) =>
  typeof value !== "string" ? value : key === "plan" ? value.replace(STRANGE, "\ufffd") : value.replace(STRANGE, "\ufffd").replace(/\n/g, "\ufffd"));
const COLOURS = 8, ROW_HEIGHT = 20;
const $ = id => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

function make(tag, cls, text) {
  const node = document.createElement(tag);
  if (cls) node.className = cls;
  if (text !== undefined) node.textContent = text;
  return node;
}
function draw(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  return node;
}

// ---- figures as a person reads them (as the terminal report has them)
function bytes(n) {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let unit = 0, size = Math.abs(n);
  while (size >= 999.5 && unit + 1 < units.length) { size /= 1000; unit++; }
  const digits = unit === 0 || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  return (n < 0 ? "-" : "") + size.toFixed(digits) + " " + units[unit];
}
function time(ns) {
  const s = ns / 1e9;
  if (s < 1e-3) return (s * 1e6).toFixed(0) + " µs";
  if (s < 0.9995) return (s * 1e3).toFixed(0) + " ms";
  if (s < 60) return s.toFixed(2) + " s";
  if (s < 3600) return Math.floor(s / 60) + " min " + Math.floor(s % 60) + " s";
  return Math.floor(s / 3600) + " h " + Math.floor(s % 3600 / 60) + " min";
}
const percent = share => share > 0 && share < 0.01 ? (100 * share).toFixed(2) + "%" : (100 * share).toFixed(1) + "%";
const count = n => n.toLocaleString("en");
const colour = row => row !== undefined && row < COLOURS ? `var(--s${row})` : "var(--rest)";
const base = path => path ? path.slice(path.lastIndexOf("/") + 1) : "";
const place = frame => frame.file && frame.line ? base(frame.file) + ":" + frame.line : frame.module;

// ---- a tip beside the pointer
function tip(event, text) {
  const box = $("tip");
  if (!text) { box.hidden = true; return; }
  box.textContent = text;
  box.hidden = false;
  const rect = box.getBoundingClientRect();
  box.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - rect.width - 8)) + "px";
  box.style.top = (event.clientY + 18 + rect.height > innerHeight ? event.clientY - rect.height - 12 : event.clientY + 18) + "px";
}

// ---- header
function tile(parent, value, label) {
  const box = make("div", "tile");
  box.append(make("b", "", value), make("span", "", label));
  parent.append(box);
  return box.firstChild;
}
function header() {
  const first = data.traces[0];
  $("command").textContent = first.command;
  document.title = base(first.program) + " – lens report";
  $("when").textContent = "· " + new Date(first.start_wall_ns / 1e6).toISOString().replace("T", " ").slice(0, 16) + " UTC";
  const sampling = data.is_sampled ? `Sampled every ${bytes(first.sample_bytes)} on average, ± is a 95 % interval.` : "Every allocation was seen.";
  const others = data.traces.length > 1 ? ` ${data.traces.length} processes, each at its own peak.` : "";
  $("facts").textContent = `Ran ${time(first.duration_ns)}, ${first.end_words}. ${sampling}${others}`;
  const saving = data.sites.reduce((sum, site) => sum + (site.saving_bytes || 0), 0);
  const isBound = data.sites.some(site => site.saving_is_bound);
  tile($("tiles"), bytes(data.peak_bytes), data.traces.length > 1 ? "peak heap, all processes" : "peak heap, after " + time(first.peak_ns));
  tile($("tiles"), bytes(data.bytes), "allocated in all");
  tile($("tiles"), count(data.allocations), "allocations");
  tile($("tiles"), saving ? (isBound ? "≤ " : "") + bytes(saving) : "–", "could come from files");
  if (data.mapped_file_bytes) tile($("tiles"), bytes(data.mapped_file_bytes), "mapped from files already");
}

// ---- axes
function axis(box, labels) {
  for (const [where, text] of labels) {
    const label = make("span", "", text);
    label.style[box.className === "x-axis" ? "left" : "top"] = 100 * where + "%";
    box.append(label);
  }
}
// A round step that cuts [0, top] into 3 to 6 parts.
function roundStep(top) {
  const raw = top / 4, power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 2.5, 5, 10].map(n => n * power).find(step => step >= raw);
}
// Round values along [0, most], and the last one: [where, text].
function roundLabels(most, text) {
  const step = roundStep(most), labels = [];
  for (let i = 0; i * step < .9 * most; i++) labels.push([i * step / most, text(i * step)]);
  return [...labels, [1, text(most)]];
}

// ---- memory over time
function timeline() {
  const series = data.timeline && data.timeline.series;
  if (!series || !series.length) return;
  const steps = series[0].length, sums = new Array(steps).fill(0);
  for (const one of series) one.forEach((value, i) => sums[i] += value);
  const highest = Math.max(...sums);
  if (!(highest > 0)) return;
  $("time").hidden = false;
  const step = roundStep(highest), top = Math.max(highest * 1.04, step), svg = $("time-svg");
  svg.setAttribute("viewBox", `0 0 ${steps - 1} 1000`);
  const labels = [];
  for (let value = 0; value <= top; value += step) {
    const y = 1000 * (1 - value / top);
    svg.append(draw("line", {class: "grid", x1: 0, x2: steps, y1: y, y2: y}));
    labels.push([1 - value / top, bytes(value)]);
  }
  axis($("time-y"), labels);
  axis($("time-x"), roundLabels(data.timeline.duration_ns || 1, time));
  const below = new Array(steps).fill(0);
  // The largest lies at the bottom.
  series.forEach((one, row) => {
    const upper = one.map((value, i) => below[i] + value), y = value => (1000 * (1 - value / top)).toFixed(1);
    const path = "M" + upper.map((value, i) => `${i},${y(value)}`).join("L") + "L" + below.map((value, i) => `${i},${y(value)}`).reverse().join("L") + "Z";
    const area = draw("path", {d: path});
    area.style.fill = row < series.length - 1 ? colour(row) : "var(--rest)";
    svg.append(area);
    upper.forEach((value, i) => below[i] = value);
  });
  const names = series.map((_, row) => row < series.length - 1 ? data.sites[row].name : "all others");
  names.forEach((name, row) => {
    if (!series[row].some(value => value > 0)) return;
    const item = make("li"), dot = make("i");
    dot.style.background = row < series.length - 1 ? colour(row) : "var(--rest)";
    item.append(dot, make("span", "", name));
    item.title = name;
    $("legend").append(item);
  });
  svg.addEventListener("pointermove", event => {
    const rect = svg.getBoundingClientRect(), part = (event.clientX - rect.left) / rect.width;
    const i = Math.max(0, Math.min(steps - 1, Math.round(part * (steps - 1))));
    $("time-cursor").hidden = false;
    $("time-cursor").style.left = 100 * i / (steps - 1) + "%";
    const rows = names.map((name, row) => [series[row][i], name]).filter(([value]) => value > 0).sort((a, b) => b[0] - a[0]);
    tip(event, `${time(i / (steps - 1) * data.timeline.duration_ns)}: ${bytes(sums[i])}\n` + rows.map(([value, name]) => `${bytes(value)}  ${name}`).join("\n"));
  });
  svg.addEventListener("pointerleave", event => { tip(event); $("time-cursor").hidden = true; });
}

// ---- the miss-ratio curve and the budget
function missRatio() {
  const points = data.miss_ratio && data.miss_ratio.points;
  if (!points || points.length < 2) return;
  $("miss").hidden = false;
  const most = points[points.length - 1].budget_bytes, svg = $("miss-svg");
  const top = Math.max(0.05, ...points.map(point => point.miss_ratio)) * 1.04;
  svg.setAttribute("viewBox", "0 0 1000 1000");
  const x = point => 1000 * point.budget_bytes / most, y = point => 1000 * (1 - point.miss_ratio / top);
  const step = roundStep(top), labels = [];
  for (let i = 0; i * step <= top; i++) {
    const height = 1 - i * step / top;
    svg.append(draw("line", {class: "grid", x1: 0, x2: 1000, y1: 1000 * height, y2: 1000 * height}));
    labels.push([height, i ? percent(i * step) : "0%"]);
  }
  svg.append(draw("path", {class: "curve", d: "M" + points.map(point => `${x(point).toFixed(1)},${y(point).toFixed(1)}`).join("L")}));
  axis($("miss-y"), labels);
  axis($("miss-x"), roundLabels(most, bytes));
  const tiles = $("budget-tiles");
  const miss = tile(tiles, "", "of the touches miss"), saved = tile(tiles, "", "given back at the peak"), slower = tile(tiles, "", "of the plain time, first run"), later = tile(tiles, "", "of it, from the second run on");
  // Between two points of the curve the figures are taken to lie on a line.
  const at = budget => {
    let i = points.findIndex(point => point.budget_bytes >= budget);
    if (i < 0) i = points.length - 1;
    const right = points[i], left = points[Math.max(0, i - 1)], width = right.budget_bytes - left.budget_bytes;
    const part = width > 0 ? (budget - left.budget_bytes) / width : 1;
    const mix = key => left[key] == null || right[key] == null ? null : left[key] + Math.max(0, Math.min(1, part)) * (right[key] - left[key]);
    return {miss_ratio: mix("miss_ratio"), slowdown: mix("slowdown"), later: mix("slowdown_later"), absent_bytes: mix("absent_bytes")};
  };
  const show = () => {
    const budget = most * $("budget").value / 1000, here = at(budget);
    $("budget-value").textContent = bytes(budget);
    $("miss-cursor").style.left = $("budget").value / 10 + "%";
    miss.textContent = percent(here.miss_ratio);
    saved.textContent = bytes(here.absent_bytes ?? Math.max(0, most - budget));
    const times = value => value === null ? "–" : value.toFixed(2) + " ×";
    slower.textContent = times(here.slowdown);
    later.textContent = times(here.later);
  };
  $("budget").addEventListener("input", show);
  show();
}

// ---- flame graph
const flame = {frames: [], zoom: null};
function heaviest(node) { // the row that most of a subtree's bytes belong to; kept in node.row
  let best = node.r, most = node.r === undefined ? -1 : node.b;
  for (const child of node.c || []) {
    child.parent = node;
    heaviest(child);
    if (child.b > most) { most = child.b; best = child.row; }
  }
  node.row = best;
}
function depthOf(node) { return 1 + Math.max(0, ...(node.c || []).map(depthOf)); }
function layFrame(node, left, width, depth, isOuter) {
  if (width < 0.0008) return;
  const frame = make("button", isOuter ? "frame out" : "frame", node.n === null ? "all " + bytes(node.b) : node.n);
  frame.tabIndex = -1;
  frame.style.left = 100 * left + "%";
  frame.style.width = `calc(${100 * width}% - 1px)`;
  frame.style.top = depth * ROW_HEIGHT + "px";
  frame.style.background = node.n === null ? "var(--line)" : `color-mix(in srgb, ${colour(node.row)} ${node.r === undefined ? 38 : 72}%, var(--card))`;
  frame.addEventListener("click", () => zoomTo(node === flame.zoom && node.parent ? node.parent : node));
  frame.addEventListener("pointermove", event => tip(event, `${node.n === null ? "all" : node.n}\n${bytes(node.b)}, ${percent(node.b / data.tree.b)} of the peak${node.f ? "\n" + node.f : ""}`));
  frame.addEventListener("pointerleave", event => tip(event));
  flame.frames.push([frame, node]);
  $("flame-box").append(frame);
  if (isOuter) return;
  let at = left;
  for (const child of node.c || []) {
    layFrame(child, at, width * child.b / node.b, depth + 1, false);
    at += width * child.b / node.b;
  }
}
function zoomTo(node) {
  const outer = [];
  for (let up = node.parent; up; up = up.parent) outer.unshift(up);
  flame.zoom = node;
  flame.frames = [];
  $("flame-box").replaceChildren();
  outer.forEach((up, depth) => layFrame(up, 0, 1, depth, true));
  layFrame(node, 0, 1, outer.length, false);
  $("flame-box").style.height = (outer.length + depthOf(node)) * ROW_HEIGHT + "px";
  markFrames();
}
function markFrames() {
  const word = $("search").value.trim().toLowerCase();
  for (const [frame, node] of flame.frames)
    frame.classList.toggle("hit", word !== "" && node.n !== null && (node.n + "\n" + (node.f || "")).toLowerCase().includes(word));
}

// ---- the table
const COLUMNS = [
  {title: "#", key: site => site.rank, cell: site => String(site.rank), up: true},
  {title: "share of peak", key: site => site.share, fill: shareCell, text: true},
  {title: "at peak", key: site => site.at_peak_bytes, cell: site => bytes(site.at_peak_bytes)},
  {title: "±", key: site => site.at_peak_bytes ? site.at_peak_error_bytes / site.at_peak_bytes : null, cell: site => site.at_peak_error_bytes ? (100 * site.at_peak_error_bytes / site.at_peak_bytes).toFixed(0) + "%" : "exact", only: data.is_sampled},
  {title: "byte-seconds", key: site => site.byte_seconds, cell: site => bytes(site.byte_seconds) + "·s"},
  {title: "idle", key: site => site.idle, cell: site => (100 * site.idle).toFixed(0) + "%"},
  {title: "rewritten", key: site => site.rewritten, cell: site => (100 * site.rewritten).toFixed(0) + "%"},
  {title: "saving", key: site => site.saving_bytes, cell: site => (site.saving_is_bound ? "≤ " : "") + bytes(site.saving_bytes)},
  {title: "slower", key: site => site.slowdown, cell: site => site.slowdown.toFixed(2) + "×"},
  {title: "allocated by", key: site => site.name, fill: nameCell, text: true, up: true},
  {title: "where it comes from", key: site => site.verdict_words, cell: site => site.verdict_words, text: true, up: true},
].filter(column => column.only !== false);
const table = {column: 0, direction: 1};

function shareCell(cell, site) {
  const bar = make("span", "share"), fill = make("i");
  fill.style.width = 100 * Math.min(1, site.share) + "%";
  fill.style.background = colour(site.rank - 1);
  bar.append(fill);
  cell.classList.add("share-cell");
  cell.append(bar, percent(site.share));
}
function nameCell(cell, site) {
  cell.classList.add("name-cell");
  cell.append(make("span", "function", site.name), make("span", "place", place(site.path[0]) + (site.via ? " via " + site.via : "")));
}
function histogram(pairs, format) {
  const box = make("div");
  if (!pairs.length) return make("div", "place", "none");
  const bars = make("div", "histogram"), first = pairs[0][0], last = pairs[pairs.length - 1][0];
  const most = Math.max(...pairs.map(pair => pair[1])), counts = new Map(pairs);
  for (let bucket = first; bucket <= last; bucket++) {
    const bar = make("i");
    bar.style.height = 100 * (counts.get(bucket) || 0) / most + "%";
    bar.title = `${format(2 ** bucket)} to ${format(2 ** (bucket + 1))}: ${count(counts.get(bucket) || 0)}`;
    bars.append(bar);
  }
  const ends = make("div", "ends");
  ends.append(make("span", "", format(2 ** first)), make("span", "", format(2 ** (last + 1))));
  box.append(bars, ends);
  return box;
}
function detail(site) {
  const row = make("tr", "detail"), cell = make("td"), columns = make("div", "columns");
  cell.colSpan = COLUMNS.length;
  const part = (title, ...content) => { const box = make("div"); box.append(make("h3", "", title), ...content); columns.append(box); };
  const path = make("ul", "path");
  for (const frame of site.path) {
    const item = make("li", "", frame.function + " ");
    item.append(make("em", "", place(frame)));
    path.append(item);
  }
  part(site.call_paths > 1 ? `Call path (the largest of ${count(site.call_paths)})` : "Call path", path);
  part("Sizes", histogram(site.sizes, bytes));
  part("Lifetimes of what was freed", histogram(site.lifetimes, time));
  const facts = [`${count(site.allocations)} allocations, ${bytes(site.bytes)} in all`, `${count(site.frees)} freed, ${bytes(site.live_bytes)} left at the end`, site.verdict_words];
  if (site.backing) facts.push(`${site.backing.path} (${bytes(site.backing.file_bytes)})`);
  for (const filler of site.filled_by || [])
    facts.push(`filled by ${filler.name} (${place(filler)})${filler.by_reads ? " by reads" : ""}: ${(100 * filler.share).toFixed(filler.share < 0.1 ? 1 : 0)} %`);
  facts.push("in a plan: site " + site.plan_site);
  const list = make("ul", "path");
  for (const fact of facts) list.append(make("li", "", fact));
  part("Facts", list);
  cell.append(columns);
  row.append(cell);
  return row;
}
function siteRow(site) {
  const row = make("tr", "row");
  for (const column of COLUMNS) {
    const cell = make("td", column.text ? "text" : ""), key = column.key(site);
    if (key === null || key === undefined) { cell.textContent = "–"; cell.classList.add("none"); }
    else if (column.fill) column.fill(cell, site);
    else cell.textContent = column.cell(site);
    row.append(cell);
  }
  row.addEventListener("click", () => {
    if (row.nextSibling && row.nextSibling.className === "detail") row.nextSibling.remove();
    else row.after(detail(site));
  });
  return row;
}
const haystack = site => (site.path.map(frame => frame.function + " " + (frame.file || "") + " " + frame.module).join("\n") + "\n" + (site.via || "") + "\n" + (site.backing ? site.backing.path : "")).toLowerCase();
function fillTable() {
  const word = $("search").value.trim().toLowerCase(), column = COLUMNS[table.column];
  const sites = data.sites.filter(site => !word || haystack(site).includes(word));
  // What is not known comes last, whatever the direction.
  sites.sort((a, b) => {
    const left = column.key(a), right = column.key(b);
    if (left == null || right == null) return (left == null) - (right == null) || a.rank - b.rank;
    const order = typeof left === "string" ? left.localeCompare(right) : left - right;
    return table.direction * order || a.rank - b.rank;
  });
  document.querySelector("#sites tbody").replaceChildren(...sites.map(siteRow));
  $("found").textContent = word ? `${sites.length} of ${data.sites.length}` : "";
  document.querySelectorAll("#sites th").forEach((head, i) => {
    if (i === table.column) head.setAttribute("aria-sort", table.direction < 0 ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  });
}
function sitesTable() {
  COLUMNS.forEach((column, i) => {
    const head = make("th", column.text ? "text" : ""), button = make("button", "", column.title);
    button.addEventListener("click", () => {
      table.direction = table.column === i ? -table.direction : column.up ? 1 : -1;
      table.column = i;
      fillTable();
    });
    head.append(button);
    document.querySelector("#sites thead tr").append(head);
  });
  $("search").addEventListener("input", () => { fillTable(); markFrames(); });
  const hidden = data.sites_count - data.sites.length;
  $("more").textContent = hidden > 0 ? `${count(hidden)} smaller sites are not on this page; lens report --json has all of them.` : "";
  fillTable();
}

header();
timeline();
missRatio();
sitesTable();
if (data.tree && data.tree.c) {
  $("flame").hidden = false;
  heaviest(data.tree);
  zoomTo(data.tree);
  addEventListener("keydown", event => { if (event.key === "Escape") zoomTo(data.tree); });
}
if (data.plan) {
  $("plan").hidden = false;
  $("plan-text").textContent = data.plan;
}
$("footer").textContent = `lens ${data.version} · ${data.traces.map(trace => base(trace.path)).slice(0, 4).join(", ")}${data.traces.length > 4 ? " and more" : ""} · ${data.traces[0].machine}, Linux ${data.traces[0].kernel}`;
