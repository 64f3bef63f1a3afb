"""A terminal session as one animated SVG: every line that was ever shown is in it once, and shown when it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from rich.cells import cell_len
from rich.color import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

CELL_WIDTH, LINE_HEIGHT, FONT_SIZE = 8.4, 17, 14
MARGIN, TITLE_BAR = 10, 26
FONTS = "Fira Code, DejaVu Sans Mono, Menlo, Consolas, monospace"
FOREGROUND, BACKGROUND = "#e0e0e0", "#121212"


@dataclass
class Animation:
    """`add` a picture whenever there is one; `svg` draws them all, each for as long as it was shown."""

    columns: int
    lines: int
    title: str
    _frames: list[tuple[float, list[str]]] = field(default_factory=list)
    _classes: dict[str, str] = field(default_factory=dict)
    _rows: dict[str, str] = field(default_factory=dict)

    def add(self, at: float, strips: Sequence[Strip]) -> None:
        """What the screen shows from this second on."""
        if len(strips) != self.lines:
            return  # nothing is laid out yet
        rows = [self._row(strip) for strip in strips]
        if not self._frames:
            at = 0.0
        if not self._frames or self._frames[-1][1] != rows:
            self._frames.append((at, rows))

    def svg(self, seconds: float) -> str:
        """The whole, played again and again every so many seconds."""
        width = round(self.columns * CELL_WIDTH + 2 * MARGIN)
        height = self.lines * LINE_HEIGHT + TITLE_BAR + MARGIN
        lines = [self._line(y, seconds) for y in range(self.lines)]
        styles = "".join(f".{name}{{{rule}}}" for rule, name in self._classes.items())
        rows = "".join(f'<g id="{name}">{drawn}</g>' for drawn, name in self._rows.items())
        buttons = "".join(
            f'<circle cx="{18 + 16 * place}" cy="13" r="5" fill="{color}"/>'
            for place, color in enumerate(("#ff5f57", "#febc2e", "#28c840"))
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">'
            f"<style>text{{font:{FONT_SIZE}px {FONTS};fill:{FOREGROUND};white-space:pre}}{styles}</style>"
            f'<defs>{rows}</defs><rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>{buttons}'
            f'<text x="50%" y="17" text-anchor="middle">{escape(self.title)}</text>'
            f'<g transform="translate({MARGIN},{TITLE_BAR})">{"".join(lines)}</g></svg>\n'
        )

    # -- a line of the screen ----------------------------------------------------------------------

    def _line(self, y: int, seconds: float) -> str:
        """One element for each row that this line showed, visible while it did."""
        shown: dict[str, list[tuple[float, float]]] = {}
        for number, (at, rows) in enumerate(self._frames):
            until = self._frames[number + 1][0] if number + 1 < len(self._frames) else seconds
            spans = shown.setdefault(rows[y], [])
            if spans and spans[-1][1] == at:
                spans[-1] = (spans[-1][0], until)
            else:
                spans.append((at, until))
        return "".join(_shown(name, y, spans, seconds) for name, spans in shown.items() if name)

    def _row(self, strip: Strip) -> str:
        drawn = "".join(self._drawn(strip.simplify()))
        if not drawn:
            return ""
        return self._rows.setdefault(drawn, f"r{len(self._rows)}")

    def _drawn(self, segments: Sequence[Segment] | Strip) -> list[str]:
        x = 0
        parts: list[str] = []
        for text, style, _ in segments:
            width = cell_len(text)
            color, background, bold = _look(style)
            place = f'x="{x * CELL_WIDTH:g}"'
            if background != BACKGROUND:
                name = self._class(f"fill:{background}")
                parts.append(
                    f'<rect {place} width="{width * CELL_WIDTH:g}" height="{LINE_HEIGHT}" class="{name}"/>'
                )
            if text.strip():
                indent = len(text) - len(text.lstrip(" "))
                place = f'x="{(x + indent) * CELL_WIDTH:g}" y="13"'
                said = text.strip(" ")
                name = self._class(f"fill:{color}{';font-weight:bold' if bold else ''}")
                length = f'textLength="{cell_len(said) * CELL_WIDTH:g}"'
                parts.append(f'<text {place} {length} class="{name}">{escape(said)}</text>')
            x += width
        return parts

    def _class(self, rule: str) -> str:
        return self._classes.setdefault(rule, f"c{len(self._classes)}")


def _shown(name: str, y: int, spans: list[tuple[float, float]], seconds: float) -> str:
    place = f'<use href="#{name}" y="{y * LINE_HEIGHT}"'
    if spans == [(0.0, seconds)]:
        return f"{place}/>"
    times, values = [0.0], ["hidden"]
    for start, end in spans:
        if start == times[-1]:
            values[-1] = "visible"
        else:
            times.append(start)
            values.append("visible")
        if end < seconds:
            times.append(end)
            values.append("hidden")
    at = ";".join(f"{time / seconds:.4f}".rstrip("0").rstrip(".") for time in times)
    return (
        f'{place} visibility="hidden"><animate attributeName="visibility" calcMode="discrete" dur="{seconds:g}s" '
        f'repeatCount="indefinite" keyTimes="{at}" values="{";".join(values)}"/></use>'
    )


def _look(style: Style | None) -> tuple[str, str, bool]:
    if style is None:
        return FOREGROUND, BACKGROUND, False
    color = _hex(style.color.get_truecolor() if style.color else None, FOREGROUND)
    background = _hex(style.bgcolor.get_truecolor(foreground=False) if style.bgcolor else None, BACKGROUND)
    return (background, color, bool(style.bold)) if style.reverse else (color, background, bool(style.bold))


def _hex(color: ColorTriplet | None, otherwise: str) -> str:
    return color.hex if color is not None else otherwise
