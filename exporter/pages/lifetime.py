"""A certificate's dates in; out: a bar from notBefore to notAfter with the rotation window and now, and its words."""

from dataclasses import dataclass

from markupsafe import Markup

from exporter.findings.formatting import dated, span
from exporter.findings.limits import kubelet_end
from exporter.pages.page import SEVERITY_TONE, Tone
from exporter.reason import Rotation

__all__ = ["Lifetime", "lifetime_bar"]


@dataclass(frozen=True, slots=True)
class Lifetime:
    """The dates of one certificate, in Unix seconds."""

    not_before: float
    not_after: float
    window: tuple[float, float] | None
    """From when it may be rotated and by when it has been; None where nothing rotates it."""
    rotation: Rotation = Rotation.DISABLED
    """Whether a kubelet's certificate without a window is renewed."""
    judged: Tone | None = None
    """What it amounts to, where other limits hold than those of a kubelet's certificate."""

    def tone(self, now: float) -> Tone:
        """How bad it is: by the lifetime's own measure, as the alerts do."""
        if self.judged is not None:
            return self.judged
        severity = kubelet_end(self.not_before, self.not_after, self.rotation, self.window, now)
        if severity is not None:
            return SEVERITY_TONE[severity]
        return Tone.INFO if self.window is not None and now >= self.window[0] else Tone.OK

    def told(self, now: float) -> str:
        """The same in one sentence, for below the bar."""
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

    def date(self, moment: float) -> str:
        """A date, or a time where the lifetime is so short that dates do not tell."""
        return dated(moment, self.not_after - self.not_before)

    def _part(self, moment: float) -> float:
        """Where a moment lies, from 0 to 100."""
        length = self.not_after - self.not_before
        if length <= 0:
            return 100.0 if moment >= self.not_after else 0.0
        return min(max((moment - self.not_before) / length * 100, 0.0), 100.0)

    def alternative(self, now: float) -> str:
        """The whole bar in words, for who cannot see it."""
        window = f", rotated between {self.date(self.window[0])} and {self.date(self.window[1])}" if self.window else ""
        return (
            f"Valid from {self.date(self.not_before)} to {self.date(self.not_after)}{window}; "
            f"now, {self.date(now)}, {self._part(now):.0f} % of the lifetime is over."
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
        ).format(life.date(life.window[0]), life.date(life.window[1]))
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
        begin=life.date(life.not_before),
        middle=middle,
        end=life.date(life.not_after),
        told=life.told(now),
    )
