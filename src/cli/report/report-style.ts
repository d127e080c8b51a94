// The report's style sheet: light, dark and print, in the colours of the desktop app. No font or file is fetched.
export const reportStyle = `
:root { color-scheme: light dark;
  --ground: #f4f6f7; --surface: #fff; --sunken: #eef1f3; --border: #dfe4e8; --strong: #c3ccd3;
  --text: #17212a; --muted: #586572; --faint: #6b7884; --accent: #0b7574; --accent-soft: #d9eeed;
  --good: #1d7a45; --good-soft: #dcf1e4; --bad: #b42330; --bad-soft: #fbe3e4;
  --s1: #0b7574; --s2: #b4570e; --s3: #5a55c9; --s4: #a0327f; --s5: #3d7a1f; --s6: #1f6fb2; --s7: #8a6d00; --s8: #7a4a2b;
  --on-series: #fff; --local: #7d8995; --central: #b4570e; --ensemble: #5a55c9; }
@media (prefers-color-scheme: dark) { :root {
  --ground: #0f1417; --surface: #171d21; --sunken: #11171a; --border: #283239; --strong: #3c4952;
  --text: #e7edf1; --muted: #9aa8b3; --faint: #8593a0; --accent: #45bdb4; --accent-soft: #143a3b;
  --good: #5fcb8c; --good-soft: #153524; --bad: #f0767f; --bad-soft: #3d1c20;
  --s1: #45bdb4; --s2: #eb9a57; --s3: #9a96f5; --s4: #e182c3; --s5: #8fce62; --s6: #6db6ec; --s7: #dcc14f; --s8: #cf9b76;
  --on-series: #0f1417; --local: #8593a0; --central: #eb9a57; --ensemble: #9a96f5; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text);
  font: 15px/1.55 system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', sans-serif; -webkit-font-smoothing: antialiased; }
main { max-width: 1060px; margin: 0 auto; padding: 44px 28px 72px; }
header .brand { font-weight: 700; letter-spacing: -.01em; color: var(--accent); }
h1 { font-size: 32px; line-height: 1.2; letter-spacing: -.022em; margin: 8px 0 6px; text-wrap: balance; }
.lead { color: var(--muted); margin: 0; }
.verdict { display: flex; gap: 14px; align-items: flex-start; margin: 26px 0 18px; padding: 15px 18px; border-radius: 12px;
  background: var(--good-soft); }
.verdict.not { background: var(--bad-soft); }
.verdict svg { flex: none; width: 24px; margin-top: 1px; color: var(--good); }
.verdict.not svg { color: var(--bad); }
.verdict p { margin: 0; } .verdict strong { font-size: 16.5px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 14px; }
.tile, section { background: var(--surface); border: 1px solid var(--border); border-radius: 12px; }
.tile { padding: 15px 18px 16px; border-top: 3px solid var(--colour); }
.tile h3 { margin: 0; font-size: 13px; font-weight: 600; color: var(--muted); }
.tile .value { font-size: 31px; font-weight: 650; letter-spacing: -.025em; line-height: 1.25; }
.tile .value small { font-size: 13px; font-weight: 500; letter-spacing: 0; color: var(--muted); margin-left: 5px; }
.tile p { margin: 0; font-size: 13px; color: var(--muted); }
section { margin-top: 18px; padding: 22px 24px 20px; }
h2 { font-size: 18px; letter-spacing: -.012em; margin: 0 0 3px; }
section > p { margin: 0 0 14px; color: var(--muted); font-size: 14px; max-width: 92ch; }
.wide { overflow-x: auto; } .wide:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--muted); font-size: 13px; padding-bottom: 6px; }
th, td { padding: 7px 12px 7px 0; text-align: left; border-bottom: 1px solid var(--border); vertical-align: baseline; }
th:last-child, td:last-child { padding-right: 0; }
thead th { font-size: 12.5px; font-weight: 600; color: var(--muted); border-bottom-color: var(--strong); vertical-align: bottom; }
tbody th { font-weight: 500; } tbody tr:last-child > * { border-bottom: 0; }
td.number, th.number { text-align: right; white-space: nowrap; }
td .interval { color: var(--muted); font-size: 12.5px; margin-left: 5px; }
tr.first > * { border-top: 1px solid var(--strong); } tr.whole th { font-weight: 650; }
.key { display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 8px; background: var(--colour); }
.name { white-space: nowrap; } .badge { font-size: 12px; padding: 1px 8px; border-radius: 99px; background: var(--sunken); color: var(--muted); white-space: nowrap; }
.sub { display: block; color: var(--muted); font-size: 12.5px; font-weight: 400; }
code { font: 12.5px/1.5 ui-monospace, 'Cascadia Mono', 'DejaVu Sans Mono', monospace; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); gap: 14px 24px; margin: 8px 0 0; }
sup { line-height: 0; font-size: .75em; } dt { font-size: 12.5px; color: var(--muted); } dd { margin: 0; font-weight: 500; }
details { margin-top: 12px; } summary { cursor: pointer; font-size: 13.5px; color: var(--accent); }
details table { margin-top: 8px; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(340px, 1fr)); gap: 12px 40px; }
.heat td { text-align: center; border: 2px solid var(--surface); border-radius: 6px; padding: 7px; }
.heat th { border: 0; } .heat th[scope=row] { text-align: right; padding-right: 12px; } .heat thead th { text-align: center; }
footer { margin-top: 26px; color: var(--muted); font-size: 13px; max-width: 84ch; }
svg { display: block; width: 100%; min-width: 660px; height: auto; overflow: visible; }
.verdict svg { min-width: 0; }
svg text { font: 12.5px system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', sans-serif; fill: var(--text);
  font-variant-numeric: tabular-nums; }
svg .tick { fill: var(--muted); font-size: 11.5px; } svg .axis-title { font-weight: 600; font-size: 13px; }
svg .faint { fill: var(--muted); } svg .strong { font-weight: 650; }
svg .grid { stroke: var(--border); } svg .grid.light { stroke-dasharray: 1 4; } svg .axis { stroke: var(--strong); }
svg .reference { stroke: var(--text); stroke-dasharray: 4 4; opacity: .55; }
svg .whisker { stroke: var(--colour); stroke-width: 1.75; stroke-linecap: round; opacity: .8; }
svg circle { fill: var(--colour); stroke: var(--surface); stroke-width: 1.2; }
svg .line { fill: none; stroke: var(--colour); stroke-width: 2; stroke-linejoin: round; }
svg .slow .line { stroke-dasharray: 6 4; } svg .pooled .line { stroke-width: 3; }
svg .leader { fill: none; stroke: var(--colour); opacity: .45; } svg .series-label { fill: var(--colour); font-weight: 600; }
svg .lane { stroke: var(--border); } svg .arrival { stroke: var(--colour); stroke-width: 2; stroke-linecap: round; }
svg rect { fill: var(--colour); } svg .in-bar { fill: var(--on-series); font-size: 12px; font-weight: 600; }
.model-local-only { --colour: var(--local); } .model-trunk { --colour: var(--accent); }
.model-ensemble { --colour: var(--ensemble); } .model-central { --colour: var(--central); } .pooled { --colour: var(--text); }
${[1, 2, 3, 4, 5, 6, 7, 8].map((n) => `.site-${n}, .class-${n} { --colour: var(--s${n}); }`).join(' ')}
@media (max-width: 640px) { main { padding: 24px 14px 40px; } section { padding: 18px 16px; } h1 { font-size: 26px; } }
@media print {
  :root { color-scheme: light; --ground: #fff; --surface: #fff; --sunken: #f2f4f5; --border: #d5dade; --strong: #aab3ba;
    --text: #111; --muted: #4a545d; --accent: #0b7574; --good: #1d7a45; --good-soft: #e8f5ec; --bad: #b42330; --bad-soft: #fbe9ea;
    --s1: #0b7574; --s2: #b4570e; --s3: #5a55c9; --s4: #a0327f; --s5: #3d7a1f; --s6: #1f6fb2; --s7: #8a6d00; --s8: #7a4a2b;
    --on-series: #fff; --local: #7d8995; --central: #b4570e; --ensemble: #5a55c9; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  @page { size: A4; margin: 14mm 12mm; }
  body { font-size: 12px; } main { max-width: none; padding: 0; } table { font-size: 10.5px; }
  th, td { padding: 4px 8px 4px 0; } thead th.number { white-space: normal; } tbody th { min-width: 90px; } .heat td { padding: 4px; }
  svg, tr, .tile, .verdict, .pair, dl { break-inside: avoid; } h2, section > p { break-after: avoid; }
  h1 { font-size: 23px; margin: 2px 0; } .verdict { margin: 12px 0; padding: 9px 14px; } .tiles { gap: 10px; }
  section { padding: 10px 14px; margin-top: 10px; } dl { grid-template-columns: repeat(4, 1fr); gap: 8px 18px; }
  td .interval, .sub { font-size: 10px; } .tile { padding: 10px 12px; } .tile .value { font-size: 24px; }
  .tile p, .tile h3, section > p, caption, thead th { font-size: 11px; } svg { min-width: 0; }
  .tiles { grid-template-columns: repeat(4, 1fr); } .wide { overflow: visible; } details { display: none; } }
`;
