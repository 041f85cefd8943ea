// Style and behaviour of the HTML report: constants, kept out of the code that fills it.
#pragma once

namespace compass::eval {

inline constexpr const char* kReportStyle = R"css(
:root {
  color-scheme: light dark;
  --bg: #faf9f6; --panel: #ffffff; --ink: #1d2126; --soft: #5d6670; --line: #e3e1db; --grid: #ebe9e3;
  --good: #0b7a53; --bad: #b3362b; --accent: #0b5fa5; --shade: 0 1px 2px rgba(20,24,28,.06), 0 6px 20px rgba(20,24,28,.05);
  --c0: #0b5fa5; --c1: #d1661c; --c2: #8a94a0; --c3: #0e8a6a; --c4: #b0327b; --c5: #a07a00; --c6: #6a4fc3; --c7: #3aa3c9;
  --c8: #7a4a25; --c9: #c04848; --c10: #4f7d1f; --c11: #475569;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #121417; --panel: #1a1d21; --ink: #e8e6e1; --soft: #9aa3ad; --line: #2c3137; --grid: #262b30;
    --good: #4cc38a; --bad: #f07d6e; --accent: #6cb6f5; --shade: none;
    --c0: #6cb6f5; --c1: #f2995a; --c2: #8d98a5; --c3: #4cc9a4; --c4: #ec83bd; --c5: #dcb842; --c6: #a994f5; --c7: #79d3f0;
    --c8: #c99a6e; --c9: #f08c8c; --c10: #a5cf6b; --c11: #b5c0cd;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--ink); font: 15px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 1160px; margin: 0 auto; padding: 40px 24px 80px; }
h1 { font-size: 30px; line-height: 1.2; letter-spacing: -.02em; margin: 0 0 6px; font-weight: 650; }
h2 { font-size: 19px; letter-spacing: -.01em; margin: 48px 0 6px; font-weight: 620; }
h3 { font-size: 15px; margin: 22px 0 8px; font-weight: 600; }
p { margin: 0 0 12px; max-width: 78ch; } .soft { color: var(--soft); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 14px; margin: 26px 0 8px; }
.card, .panel { background: var(--panel); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shade); }
.card { padding: 16px 18px; } .card b { display: block; font-size: 27px; line-height: 1.25; font-weight: 640; letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
.card span { color: var(--soft); font-size: 13px; line-height: 1.4; display: block; }
.good { color: var(--good); } .bad { color: var(--bad); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 14px; }
.panel { padding: 12px; } .chart { width: 100%; height: auto; display: block; }
.chart text { fill: var(--soft); font-size: 11.5px; font-variant-numeric: tabular-nums; } .chart .chart-title { fill: var(--ink); font-size: 14px; font-weight: 600; }
.chart .grid { stroke: var(--grid); stroke-width: 1; }
.series path { fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linejoin: round; } .series circle { fill: currentColor; }
.series circle:hover { stroke: var(--ink); stroke-width: 1.5; }
.series.ours path { stroke-width: 3; } .series.quoted path { stroke-dasharray: 5 4; } .series.off { display: none; }
.k0 { color: var(--c0); } .k1 { color: var(--c1); } .k2 { color: var(--c2); } .k3 { color: var(--c3); } .k4 { color: var(--c4); } .k5 { color: var(--c5); }
.k6 { color: var(--c6); } .k7 { color: var(--c7); } .k8 { color: var(--c8); } .k9 { color: var(--c9); } .k10 { color: var(--c10); } .k11 { color: var(--c11); }
.legend { display: flex; flex-wrap: wrap; gap: 6px; margin: 12px 0 14px; }
.legend button { font: inherit; font-size: 13px; color: var(--ink); background: var(--panel); border: 1px solid var(--line); border-radius: 999px; padding: 3px 12px 3px 9px; cursor: pointer; }
.legend button::before { content: ""; display: inline-block; width: 16px; height: 0; border-top: 3px solid var(--mark); margin-right: 8px; vertical-align: middle; border-radius: 2px; }
.legend button.quoted::before { border-top-style: dotted; } .legend button.off { opacity: .4; }
.legend button:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.scroll { overflow-x: auto; background: var(--panel); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shade); }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 12px; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap; }
td.wrap { white-space: normal; min-width: 22ch; } tr:last-child td { border-bottom: 0; }
th { font-weight: 600; color: var(--soft); font-size: 12.5px; position: sticky; top: 0; background: var(--panel); }
td.n, th.n { text-align: right; } tr.ours td { background: color-mix(in srgb, var(--accent) 9%, transparent); font-weight: 600; } tr.quoted td { color: var(--soft); }
.samples { display: grid; grid-template-columns: repeat(auto-fill, minmax(196px, 1fr)); gap: 14px; }
figure { margin: 0; } figure img { width: 100%; height: auto; display: block; border-radius: 8px; image-rendering: auto; }
figcaption { font-size: 12.5px; line-height: 1.4; margin-top: 6px; color: var(--soft); } figcaption b { color: var(--ink); display: block; font-weight: 600; }
details { margin-top: 14px; } summary { cursor: pointer; font-weight: 600; } details > div { margin-top: 10px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; font-size: 13.5px; margin: 10px 0; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
code { font: 12.5px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
#tip { position: fixed; pointer-events: none; background: var(--ink); color: var(--bg); font-size: 12.5px; line-height: 1.4; padding: 6px 10px; border-radius: 8px; opacity: 0; transition: opacity .08s; white-space: pre-line; z-index: 9; font-variant-numeric: tabular-nums; }
@media (max-width: 640px) { main { padding: 24px 14px 60px; } h1 { font-size: 24px; } dl { grid-template-columns: 1fr; } dt { margin-top: 6px; } }
@media print { .card, .panel, .scroll { box-shadow: none; } .legend { display: none; } }
)css";

inline constexpr const char* kReportScript = R"js(
const tip = document.getElementById('tip');
// The nearest point of a chart, not only the one under the pointer.
for (const chart of document.querySelectorAll('svg.chart')) {
  chart.addEventListener('pointermove', (event) => {
    let best = null, distance = 28 * 28;
    for (const dot of chart.querySelectorAll('.series:not(.off) circle')) {
      const box = dot.getBoundingClientRect();
      const dx = box.x + box.width / 2 - event.clientX, dy = box.y + box.height / 2 - event.clientY;
      if (dx * dx + dy * dy < distance) { distance = dx * dx + dy * dy; best = dot; }
    }
    if (!best) { tip.style.opacity = 0; return; }
    tip.textContent = best.dataset.tip;
    const width = tip.offsetWidth;
    tip.style.left = Math.min(event.clientX + 14, innerWidth - width - 8) + 'px';
    tip.style.top = event.clientY + 16 + 'px';
    tip.style.opacity = 1;
  });
  chart.addEventListener('pointerleave', () => { tip.style.opacity = 0; });
}
for (const title of document.querySelectorAll('svg.chart circle title')) title.remove();  // the tip replaces them
for (const button of document.querySelectorAll('.legend button')) {
  button.addEventListener('click', () => {
    const off = button.classList.toggle('off');
    button.setAttribute('aria-pressed', String(!off));
    for (const series of document.querySelectorAll('.series')) {
      if (series.dataset.series === button.dataset.series) series.classList.toggle('off', off);
    }
  });
}
)js";

}  // namespace compass::eval
