"""How drawings look, in light and in dark surroundings."""

# Blue and orange of Okabe and Ito's palette (2008), lighter on black; between them no hue, so that
# heat maps read the same for all kinds of colour blindness, and in print.
LIGHT = {
    "paper": "#ffffff",
    "card": "#f6f7f9",
    "ink": "#1c2430",
    "soft": "#5b6573",
    "rule": "#d5dae1",
    "plus": "#0072b2",
    "minus": "#d55e00",
    "back": "#8a4a00",
    "now": "#ffe9a8",
    "zero": "#eef0f3",
}
DARK = {
    "paper": "#14181f",
    "card": "#1d232d",
    "ink": "#e8ecf2",
    "soft": "#a3adbb",
    "rule": "#39424f",
    "plus": "#56b4e9",
    "minus": "#f0883e",
    "back": "#f2b27a",
    "now": "#574712",
    "zero": "#262d38",
}
LEVELS = 7  # of a heat map, on either side of 0


def variables(colours: dict[str, str]) -> str:
    return ";".join(f"--cr-{name}:{colour}" for name, colour in colours.items())


# A page is as light or dark as its surroundings, until a reader says which; on paper it is light.
THEMES = (
    f":root{{color-scheme:light;{variables(LIGHT)}}}"
    f"@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light])"
    f"{{color-scheme:dark;{variables(DARK)}}}}}"
    f"@media screen{{:root[data-theme=dark]{{color-scheme:dark;{variables(DARK)}}}}}"
)


def levels(inside: str, attribute: str, most: int) -> str:
    """The colours of a heat map: from that of 0 to those of either sign.

    inside     the class of what the cells are in; attribute: what of a cell has the colour
    most       per cent of the sign's colour in the largest number's
    """
    rules = [f".{inside} .h0{{{attribute}:var(--cr-zero)}}"]
    for level in range(1, LEVELS + 1):
        share = round(most * level / LEVELS)
        for sign, name in (("p", "plus"), ("m", "minus")):
            rules.append(
                f".{inside} .h{sign}{level}"
                f"{{{attribute}:color-mix(in srgb,var(--cr-{name}) {share}%,var(--cr-zero))}}"
            )
    return "".join(rules)


RULES = (
    ".cr-drawing{max-width:100%;height:auto;font-family:system-ui,-apple-system,'Segoe UI',"
    "Arial,'DejaVu Sans',sans-serif;color:var(--cr-ink)}"
    ".cr-drawing text{fill:var(--cr-ink);stroke:var(--cr-paper);stroke-width:3.5px;"
    "paint-order:stroke;stroke-linejoin:round;font-variant-numeric:tabular-nums}"
    ".cr-drawing text.soft,.cr-drawing text.unknown{fill:var(--cr-soft)}"
    ".cr-drawing text.unknown{font-style:italic}"
    ".cr-drawing text.inside{stroke:none}"
    ".cr-drawing text.head{font-weight:600}"
    ".cr-drawing text.card{stroke:var(--cr-card)}.cr-drawing text.card.head{font-weight:600}"
    ".cr-drawing text.gradient:not(.unknown){fill:var(--cr-back)}"
    ".cr-drawing path{fill:none}"
    ".cr-drawing .node{fill:var(--cr-card);stroke:var(--cr-ink);stroke-width:1.5}"
    ".cr-drawing .frame{fill:var(--cr-card);stroke:var(--cr-rule)}"
    ".cr-drawing .wire{stroke:var(--cr-soft);stroke-width:1.3}"
    ".cr-drawing .tip{fill:var(--cr-soft)}"
    ".cr-drawing .back{stroke:var(--cr-back);stroke-width:1.5;stroke-dasharray:5 4}"
    ".cr-drawing .backtip{fill:var(--cr-back)}"
    ".cr-drawing .edge{stroke:var(--cr-soft);stroke-linecap:round;stroke-width:1}"
    ".cr-drawing .plus{stroke:var(--cr-plus)}.cr-drawing .minus{stroke:var(--cr-minus)}"
    ".cr-drawing .hit{stroke:transparent;stroke-width:12;pointer-events:stroke}"
    ".cr-drawing .way{outline:none}"
    ".cr-drawing .way:hover .hit,.cr-drawing .way:focus .hit,.cr-drawing .way.chosen .hit"
    "{stroke:var(--cr-now)}"
    ".cr-drawing [data-weight]{cursor:pointer}"
    ".cr-drawing .unit:focus{outline:none}"
    ".cr-drawing .unit:focus .node{stroke-width:3}"
    ".cr-drawing .now .node{fill:var(--cr-now)}"
    ".cr-drawing .now .frame{fill:var(--cr-card);stroke:var(--cr-plus);stroke-width:2.5}"
    ".cr-drawing .later{opacity:.25}"
    # What has not been computed has no colours: empty cells.
    ".cr-drawing .heat.later{opacity:1}"
    ".cr-drawing .heat.later path{fill:none;stroke:var(--cr-rule);stroke-width:.7}"
)

_HEAT = levels("cr-drawing", "fill", 100)
STYLE = (
    f".cr-drawing{{{variables(LIGHT)};background:var(--cr-paper)}}"
    f"@media (prefers-color-scheme:dark){{.cr-drawing{{{variables(DARK)}}}}}" + RULES + _HEAT
)
# On a page the surroundings say which colours hold.
EMBEDDED = RULES + _HEAT
