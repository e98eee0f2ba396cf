/// How the page looks: by the reader's own choice of light or dark, and on paper without what a screen needs.
enum PageStyle {
    static let css: HTML = """
        :root { --paper: #fff; --ink: #1d2026; --soft: #5d6470; --line: #dde1e7; --panel: #f5f6f8; --accent: #b3134b;
          --board: #e6f2ea; --board-line: #2f7d4f; --old: #ffe3e6; --old-mark: #ffb3bb; --new: #def5e3; --new-mark: #a5e3b3;
          --warning: #8a5a00; --warning-paper: #fff3d6; --error: #a3122b; --error-paper: #ffe3e6; --well: #1f6b3c; --well-paper: #def5e3; }
        @media (prefers-color-scheme: dark) {
          :root { --paper: #14161a; --ink: #e7e9ee; --soft: #9aa3b2; --line: #2e333c; --panel: #1d2026; --accent: #ff6b9a;
            --board: #16251c; --board-line: #4fa873; --old: #3a1b21; --old-mark: #7a2b38; --new: #16301f; --new-mark: #25643a;
            --warning: #ffcf70; --warning-paper: #33290f; --error: #ff8c9c; --error-paper: #3a1b21; --well: #7fd79c; --well-paper: #16301f; }
        }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
        header, main, footer { max-width: 1040px; margin: 0 auto; padding: 0 20px; }
        header { padding-top: 36px; } h1 { margin: 0; font-size: 40px; letter-spacing: -0.02em; }
        h2 { margin: 44px 0 12px; font-size: 24px; } h3 { margin: 24px 0 8px; font-size: 16px; }
        header p, footer, .reason, .facts, .detail, .hint { color: var(--soft); } header p { margin: 4px 0 24px; }
        footer { padding: 40px 20px; font-size: 14px; } a { color: inherit; }
        code, .diff { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 13px; overflow-wrap: anywhere; }
        .scroll { overflow-x: auto; }
        svg.cluster { width: 100%; height: auto; } svg a { text-decoration: none; }
        svg text { fill: var(--ink); font-family: system-ui, sans-serif; }
        svg .board { fill: var(--board); stroke: var(--board-line); stroke-width: 1.5; }
        svg .machine { fill: var(--paper); stroke: var(--line); stroke-width: 1.5; } svg a:hover .machine { stroke: var(--accent); }
        svg .controller { stroke: var(--accent); stroke-width: 2; }
        svg .cable { fill: none; stroke: var(--accent); stroke-width: 2.5; stroke-linejoin: round; }
        svg .name { font-size: 20px; font-weight: 600; } svg .slot { font-size: 15px; fill: var(--accent); font-weight: 600; }
        svg .line { font-size: 15px; } svg .small { font-size: 13px; fill: var(--soft); } svg .title { font-size: 15px; fill: var(--board-line); font-weight: 600; }
        table.list { width: 100%; border-collapse: collapse; } table.list th { text-align: left; color: var(--soft); font-weight: 500; font-size: 14px; }
        table.list td, table.list th { padding: 7px 14px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
        .digests code { word-break: break-all; }
        .badge { display: inline-block; padding: 1px 10px; border-radius: 99px; font-size: 14px; font-weight: 500; background: var(--panel); color: var(--soft); vertical-align: middle; }
        .badge.well { background: var(--well-paper); color: var(--well); }
        .badge.warning, .findings .warning { background: var(--warning-paper); color: var(--warning); }
        .badge.error, .findings .error { background: var(--error-paper); color: var(--error); }
        .bar { display: flex; gap: 3px; margin: 14px 0; font-size: 13px; }
        .bar div { min-width: 84px; flex-basis: 0; padding: 8px 12px; border-radius: 6px; background: var(--panel); overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
        .bar .boot { background: var(--warning-paper); } .bar .root { background: var(--well-paper); }
        .bar .free { min-width: 160px; background: none; border: 1px dashed var(--line); color: var(--soft); }
        ul { margin: 0; padding: 0; list-style: none; } .steps li { padding: 3px 0; }
        .chips { display: flex; flex-wrap: wrap; gap: 6px; } .chips li { padding: 2px 12px; border-radius: 99px; background: var(--panel); }
        .findings li { margin: 6px 0; padding: 8px 14px; border-radius: 8px; background: var(--panel); } .findings .hint { color: inherit; opacity: .85; }
        details { border-top: 1px solid var(--line); } details:last-child { border-bottom: 1px solid var(--line); }
        summary { padding: 9px 2px; cursor: pointer; } summary:hover { background: var(--panel); }
        details[open] { padding-bottom: 12px; } .detail { margin: 2px 0 6px; font-size: 14px; }
        .action { display: inline-block; min-width: 66px; font-size: 13px; font-weight: 600; color: var(--warning); }
        .action.create { color: var(--well); } .action.remove { color: var(--error); } .reason { font-size: 14px; margin-left: 6px; }
        .diff { width: 100%; table-layout: fixed; border-collapse: collapse; background: var(--panel); border-radius: 8px; }
        .diff .number { width: 48px; } .diff th { padding: 1px 8px; color: var(--soft); font-weight: 400; text-align: right; vertical-align: top; user-select: none; }
        .diff td { padding: 1px 8px; white-space: pre-wrap; vertical-align: top; } .diff .old { background: var(--old); } .diff .new { background: var(--new); }
        .diff mark { color: inherit; border-radius: 3px; } .diff .old mark { background: var(--old-mark); } .diff .new mark { background: var(--new-mark); }
        .diff .gap td { text-align: center; color: var(--soft); }
        .labels .grid { display: grid; grid-template-columns: repeat(auto-fill, 214px); gap: 0; }
        .label { display: flex; flex-direction: column; width: 214px; height: 96px; padding: 10px 12px; border: 1px dashed var(--soft); margin: -1px 0 0 -1px; position: relative; line-height: 1.35; font-size: 14px; }
        .label b { font-size: 17px; padding-right: 36px; line-height: 1.15; overflow-wrap: anywhere; } .label .small { font-size: 12px; color: var(--soft); }
        .label .where { position: absolute; right: 12px; top: 10px; font-weight: 700; color: var(--accent); }
        @media print {
          :root { --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --panel: #f3f3f3; --accent: #b3134b; --board: #fff; --board-line: #444;
            --old: #fff; --new: #fff; --old-mark: #ddd; --new-mark: #ddd; --warning: #000; --warning-paper: #eee; --error: #000; --error-paper: #ddd; --well: #000; --well-paper: #f3f3f3; }
          body { font-size: 12px; } .machine, .labels { break-before: page; } .label, details, tr { break-inside: avoid; }
          .bar, .badge, .chips li, .findings li { print-color-adjust: exact; }
        }
        """
}
