"""A certificate's dates in; out: a bar from notBefore to notAfter with the rotation window and now, and its words."""

from dataclasses import dataclass

from markupsafe import Markup

from exporter.findings.formatting import date, span
from exporter.pages.page import Tone

__all__ = ["Lifetime", "lifetime_bar"]


@dataclass(frozen=True, slots=True)
class Lifetime:
    """The dates of one certificate, in Unix seconds."""

    not_before: float
    not_after: float
    window: tuple[float, float] | None
    """From when it may be rotated and by when it has been; None where nothing rotates it."""
    ends_unrenewed: bool = True
    """Whether its end is a problem as it draws near: not so for a copy that nobody uses."""

    def tone(self, now: float) -> Tone:
        """How it stands: by the lifetime's own measure, as the alerts do."""
        part = self._part(now)
        if not self.ends_unrenewed:
            return Tone.QUIET
        if now >= self.not_after:
            return Tone.CRITICAL
        if now < self.not_before:
            return Tone.WARNING
        if self.window is None:
            return Tone.CRITICAL if part >= 95 else Tone.WARNING if part >= 80 else Tone.OK
        halfway = (self.window[1] + self.not_after) / 2
        if now > self.window[1]:
            return Tone.CRITICAL if now > halfway else Tone.WARNING
        return Tone.INFO if now >= self.window[0] else Tone.OK

    def told(self, now: float) -> str:
        """The same in one sentence, to stand under the bar."""
        if now >= self.not_after:
            return f"Ended {span(now - self.not_after)} ago."
        if now < self.not_before:
            return f"Not valid for another {span(self.not_before - now)}."
        if self.window is None:
            return f"Ends in {span(self.not_after - now)}."
        if now > self.window[1]:
            return f"Overdue for rotation by {span(now - self.window[1])}."
        if now >= self.window[0]:
            return f"Rotates within {span(self.window[1] - now)}."
        return f"Rotates in {span(self.window[0] - now)} at the earliest."

    def _part(self, moment: float) -> float:
        """Where a moment lies, from 0 to 100."""
        length = self.not_after - self.not_before
        if length <= 0:
            return 100.0 if moment >= self.not_after else 0.0
        return min(max((moment - self.not_before) / length * 100, 0.0), 100.0)

    def alternative(self, now: float) -> str:
        """The whole bar in words, for who cannot see it."""
        window = f", rotated between {date(self.window[0])} and {date(self.window[1])}" if self.window else ""
        return (
            f"Valid from {date(self.not_before)} to {date(self.not_after)}{window}; "
            f"today, {date(now)}, {self._part(now):.0f} % of the lifetime are over."
        )


def lifetime_bar(life: Lifetime, now: float) -> Markup:
    """The bar with its dates. Positions are SVG attributes: the page's policy forbids style attributes."""
    here = f"{life._part(now):.2f}%"
    window: Markup | str = ""
    middle: Markup | str = ""
    if life.window is not None:
        start, end = (life._part(moment) for moment in life.window)
        window = Markup('<rect class="window" x="{:.2f}%" y="8" width="{:.2f}%" height="12"/>').format(
            start, end - start
        )
        middle = Markup(
            '<span class="between"><b><span class="swatch"></span> {} – {}</b>rotation window</span>'
        ).format(date(life.window[0]), date(life.window[1]))
    return Markup(
        '<div class="life {tone}">\n'
        '<svg role="img" aria-label="{alternative}">'
        '<rect class="track" x="0" y="8" width="100%" height="12" rx="3"/>{window}'
        '<rect class="lived" x="0" y="12" width="{here}" height="4" rx="2"/>'
        '<line class="now" x1="{here}" x2="{here}" y1="3" y2="25"/>'
        '<circle class="dot" cx="{here}" cy="14" r="5"/></svg>\n'
        '<div class="ends" aria-hidden="true"><span><b>{begin}</b>not before</span>{middle}'
        "<span><b>{end}</b>not after</span></div>\n"
        '<p class="told"><b>{told}</b></p>\n</div>'
    ).format(
        tone=life.tone(now),
        alternative=life.alternative(now),
        window=window,
        here=here,
        begin=date(life.not_before),
        middle=middle,
        end=date(life.not_after),
        told=life.told(now),
    )
