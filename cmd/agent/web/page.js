// Keeps the page current and makes the charts speak. Without it the page is a
// picture of the moment it was loaded.
"use strict";
const $ = (id) => document.getElementById(id);

// swap replaces what is inside an element; details stay as the reader left them,
// and nothing moves under the hand of who uses a button or a chart.
function swap(el, html) {
  if (!el || el.contains(document.activeElement)) return;
  const open = new Map([...el.querySelectorAll("details[id]")].map((d) => [d.id, d.open]));
  el.innerHTML = html;
  for (const d of el.querySelectorAll("details[id]")) if (open.has(d.id)) d.open = open.get(d.id);
}

if ($("verdict")) {
  const events = new EventSource("/events");
  events.onopen = () => { $("live").textContent = "Live."; };
  events.onerror = () => { $("live").textContent = "Not connected to the agent; trying again."; };
  events.onmessage = (e) => { for (const [id, html] of Object.entries(JSON.parse(e.data))) swap($(id), html); };
}

const charts = $("charts");
if (charts) {
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const r = await fetch("/charts?range=" + charts.dataset.range);
      if (r.ok) swap(charts, await r.text());
    } catch { /* the stream says that the agent is gone */ }
  }, 1000 * charts.dataset.every);
}

// say shows one point of a chart below it.
function say(svg, strip) {
  for (const on of svg.querySelectorAll(".on")) on.classList.remove("on");
  const out = svg.parentElement.querySelector("output");
  if (!strip) { out.textContent = ""; return; }
  strip.classList.add("on");
  out.textContent = strip.textContent;
}
document.addEventListener("pointermove", (e) => {
  const svg = e.target.closest && e.target.closest("svg.chart");
  if (svg) say(svg, e.target.closest(".at"));
});
document.addEventListener("focusin", (e) => {
  if (e.target.matches("svg.chart")) { const s = e.target.querySelectorAll(".at"); say(e.target, s[s.length - 1]); }
});
document.addEventListener("focusout", (e) => { if (e.target.matches("svg.chart")) say(e.target, null); });
document.addEventListener("keydown", (e) => {
  if (!e.target.matches("svg.chart")) return;
  const s = [...e.target.querySelectorAll(".at")];
  const at = s.findIndex((x) => x.classList.contains("on"));
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: s.length - 1 }[e.key];
  if (to === undefined || !s[to]) return;
  e.preventDefault();
  say(e.target, s[to]);
});
