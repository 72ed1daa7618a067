"""The page's stylesheet and the Content-Security-Policy that allows it and nothing else."""

import base64
import hashlib

__all__ = ["POLICY", "STYLE"]

# Text colours reach a contrast of at least 4.5:1 on the grounds they stand on (WCAG 2.2 AA), marks and borders of
# meaning 3:1; tests/web/test_style.py measures it.
STYLE = """\
:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --surface: #ffffff; --sunken: #eef0f3; --line: #dde1e6;
  --text: #1b2026; --quiet: #586270; --link: #0b57a8; --focus: #0b57a8;
  --ok: #176b34; --ok-ground: #e9f6ee;
  --info: #0b57a8; --info-ground: #e8f1fb;
  --warning: #8a4a00; --warning-ground: #fdf3e1;
  --blind: #6a3fb5; --blind-ground: #f3eefc;
  --critical: #b3201a; --critical-ground: #fdecea;
  --window: #b9cfe8; --lived: #7b8694;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0e1216; --surface: #161b21; --sunken: #1f262e; --line: #2c343d;
    --text: #e7ebf0; --quiet: #9ba6b3; --link: #79b4f5; --focus: #79b4f5;
    --ok: #6fd08f; --ok-ground: #12291b;
    --info: #79b4f5; --info-ground: #12253b;
    --warning: #f0b55b; --warning-ground: #30230c;
    --blind: #c3a6f5; --blind-ground: #261c3d;
    --critical: #ff9a91; --critical-ground: #3a1613;
    --window: #2f4d70; --lived: #75808d;
  }
}
*, ::before, ::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
.page { max-width: 70rem; margin: 0 auto; padding: 0 1.5rem; }
a { color: var(--link); text-underline-offset: .18em; text-decoration-thickness: .06em; }
a:hover { text-decoration-thickness: .12em; }
:focus-visible { outline: .18rem solid var(--focus); outline-offset: .15rem; border-radius: .2rem; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: 1rem; z-index: 1; padding: .5rem 1rem; background: var(--surface); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
h1, h2, h3 { line-height: 1.25; text-wrap: balance; margin: 0; }
h1 { font-size: clamp(1.5rem, 1.15rem + 1.6vw, 2.1rem); font-weight: 650; letter-spacing: -.015em; }
h1, h3, dd, code, .what, .next { overflow-wrap: anywhere; }
td, th { overflow-wrap: break-word; }
h2 { font-size: 1.15rem; font-weight: 650; letter-spacing: -.005em; }
h3 { font-size: 1rem; font-weight: 600; }
p { margin: 0; }
code { font: .875em/1.5 ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace; }
header { padding: 2.5rem 0 1.75rem; }
.over { color: var(--quiet); font-size: .875rem; margin-bottom: .35rem; }
.lead { color: var(--quiet); margin-top: .4rem; max-width: 46rem; }
section { margin: 0 0 2.75rem; }
section > h2 { margin-bottom: .9rem; }
h2, .filter { scroll-margin-top: 1rem; }
section > .lead { margin: -.55rem 0 .9rem; }
footer { border-top: 1px solid var(--line); margin-top: 1rem; padding: 1.25rem 0 3rem; color: var(--quiet); }
footer, .meta { font-size: .875rem; }
footer .page { display: flex; flex-wrap: wrap; gap: .35rem 1.5rem; }

.icon { width: 1em; height: 1em; flex: none; fill: currentColor; vertical-align: -.125em; }
.icon .mark { fill: none; stroke: var(--surface); stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
.ok { --tone: var(--ok); --tone-ground: var(--ok-ground); }
.info { --tone: var(--info); --tone-ground: var(--info-ground); }
.warning { --tone: var(--warning); --tone-ground: var(--warning-ground); }
.blind { --tone: var(--blind); --tone-ground: var(--blind-ground); }
.critical { --tone: var(--critical); --tone-ground: var(--critical-ground); }
.quiet { --tone: var(--quiet); --tone-ground: var(--sunken); }
.badge {
  display: inline-flex; align-items: center; gap: .4em; padding: .12em .6em .12em .5em; border-radius: 1em;
  font-size: .8125rem; font-weight: 600; line-height: 1.5; color: var(--tone); background: var(--tone-ground);
  white-space: nowrap;
}
.badge .icon .mark, .verdict .icon .mark { stroke: var(--tone-ground); }
.verdict {
  display: flex; align-items: center; gap: .85rem; padding: 1rem 1.25rem; margin-bottom: 2.5rem;
  border-radius: .75rem; color: var(--tone); background: var(--tone-ground);
}
.verdict .icon { width: 1.6rem; height: 1.6rem; }
.verdict strong { display: block; font-weight: 650; font-size: 1.0625rem; }
.verdict span { color: var(--text); }

.card { background: var(--surface); border: 1px solid var(--line); border-radius: .75rem; }
.findings { list-style: none; margin: 0; padding: 0; display: grid; gap: .75rem; }
.finding { padding: 1rem 1.25rem 1.1rem; border-left: .3rem solid var(--tone); }
.finding .meta { display: flex; flex-wrap: wrap; align-items: center; gap: .35rem .9rem; margin-bottom: .5rem; }
.finding .meta a { margin-left: auto; }
.subject { font-weight: 600; }
.what { font-weight: 550; }
.next { color: var(--quiet); margin-top: .25rem; }
.next b { color: var(--text); font-weight: 600; }

.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); gap: 1rem; }
.certificate { padding: 1.2rem 1.25rem 1.25rem; min-width: 0; }
.certificate > .title { display: flex; flex-wrap: wrap; align-items: center; gap: .35rem .75rem; }
.certificate > .title .badge { margin-left: auto; }
.certificate > .where { color: var(--quiet); font-size: .875rem; margin-top: .15rem; }
.certificate > .where code { font-size: .9375em; }
.life { margin: 1rem 0 1.1rem; }
.life svg { display: block; width: 100%; height: 1.75rem; overflow: visible; }
.life .track { fill: var(--sunken); stroke: var(--line); }
.life .lived { fill: var(--lived); }
.life .window { fill: var(--window); }
.life .now { stroke: var(--tone); stroke-width: 2.5; stroke-linecap: round; }
.life .dot { fill: var(--tone); }
.life .ends { display: flex; justify-content: space-between; gap: 1rem; font-size: .8125rem; color: var(--quiet); }
.life .ends b { display: block; font-weight: 600; color: var(--text); white-space: nowrap; }
.life .ends > :last-child { text-align: right; }
.life .told { margin-top: .5rem; font-size: .875rem; }
.life .told b { color: var(--tone); font-weight: 600; }
.swatch { display: inline-block; width: .75rem; height: .5rem; border-radius: .15rem; background: var(--window); }

dl.facts { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .35rem 1.25rem; margin: 0; }
dl.facts dt { color: var(--quiet); font-size: .875rem; padding-top: .05rem; }
dl.facts dd { margin: 0; min-width: 0; font-size: .9375rem; }
.certificate dl.facts { border-top: 1px solid var(--line); padding-top: .9rem; }
details { margin-top: .75rem; }
summary { cursor: pointer; color: var(--link); font-size: .875rem; width: fit-content; }
details[open] summary { margin-bottom: .75rem; }
.panel { padding: 1.1rem 1.25rem; }

.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9375rem; }
caption { text-align: left; }
caption.title { padding: 1rem 1.25rem .35rem; font-weight: 600; }
section > .card + .card, section > .cards + .card { margin-top: 1rem; }
th, td { text-align: left; vertical-align: top; padding: .6rem 1.25rem .6rem 0; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { padding-left: 1.25rem; }
thead th { font-size: .8125rem; font-weight: 600; color: var(--quiet); white-space: nowrap; }
tbody th { font-weight: 500; }
tbody tr:last-child > * { border-bottom: 0; }
.none { color: var(--quiet); }
.trouble + .trouble { margin-top: .35rem; }
.name { white-space: nowrap; }
a > .badge { text-decoration: underline; text-underline-offset: .18em; }
td .badge { margin-right: .25rem; }
td details { margin-top: .4rem; }
td dl.facts { max-width: 34rem; }

.contents ul, .folded ul { list-style: none; margin: 0; padding: 0; }
.contents ul, .folded ul { display: flex; flex-wrap: wrap; gap: .35rem 1.25rem; }
.contents { margin-top: 1.1rem; font-size: .9375rem; }
.filter, .filter p { display: flex; flex-wrap: wrap; align-items: center; gap: .6rem 1rem; }
.filter { margin: 1rem 0; padding: .85rem 1.25rem; }
.filter p { gap: .35rem .6rem; min-width: 0; }
.filter label { color: var(--quiet); }
select, button {
  font: inherit; color: var(--text); background: var(--surface); border: 1px solid var(--lived); border-radius: .45rem;
  padding: .35rem .6rem; min-height: 2.5rem; max-width: 100%;
}
button { padding: .35rem 1.1rem; font-weight: 600; color: var(--surface); background: var(--link); }
button, select { cursor: pointer; }
.notice { margin: 1rem 0; padding: .75rem 1.25rem; border-left: .3rem solid var(--info); }
.empty { margin: 1rem 0; color: var(--quiet); }
.pager { display: flex; flex-wrap: wrap; align-items: center; gap: .35rem 1.25rem; margin: 1rem 0; }
.pager span, .folded p { color: var(--quiet); }
.pager a { padding: .35rem 0; }
.folded { margin-top: 1rem; font-size: .9375rem; }
.more > summary { font-size: .9375rem; }

@media (max-width: 44rem) {
  .page { padding: 0 1rem; }
  header { padding: 1.5rem 0 1.25rem; }
  section { margin-bottom: 2rem; }
  .verdict { padding: .9rem 1rem; margin-bottom: 2rem; }
  .finding, .certificate, .panel { padding-left: 1rem; padding-right: 1rem; }
  .finding .meta a { margin-left: 0; }
  .life .ends { flex-wrap: wrap; gap: .35rem 1rem; }
  .life .between { order: 1; flex-basis: 100%; }
  .life .between b { display: inline; margin-right: .5rem; }
  .certificate > .title .badge { margin-left: 0; }
  .certificate dl.facts { grid-template-columns: minmax(0, 7.5rem) 1fr; gap: .35rem .75rem; }
  .panel dl.facts { grid-template-columns: 1fr; gap: 0; }
  .panel dl.facts dd { margin-bottom: .6rem; }
  .filter { padding-left: 1rem; padding-right: 1rem; }
  table.stacks, table.stacks tbody, table.stacks caption { display: block; }
  caption.title { padding: .8rem 1rem 0; }
  table.stacks thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table.stacks tr { display: block; padding: .8rem 1rem; border-bottom: 1px solid var(--line); }
  table.stacks tr:last-child { border-bottom: 0; }
  table.stacks tr > * { display: block; padding: .1rem 0; border: 0; }
  table.stacks tr > :first-child { padding-left: 0; }
  table.compact tr > td { display: inline-block; margin-right: 1rem; }
  .name { white-space: normal; overflow-wrap: anywhere; }
  table.stacks td[data-label]::before { content: attr(data-label) ": "; color: var(--quiet); font-size: .8125rem; }
}
@media print {
  :root { --ground: #fff; }
  .card, .verdict { break-inside: avoid; }
  .skip, nav { display: none; }
}
"""

_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
"""CSP level 3: no script, no request to anywhere, this one stylesheet."""
