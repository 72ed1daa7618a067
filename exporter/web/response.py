"""A whole answer: status, body and headers."""

from dataclasses import dataclass, field, replace
from http import HTTPStatus

__all__ = ["Response", "plain"]


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer."""

    status: int
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = field(default=())
    after: float = 0.0
    """Seconds to keep it back: who is turned away gains nothing by asking again at once."""

    def with_headers(self, headers: tuple[tuple[str, str], ...]) -> "Response":
        """The same with these headers in the place of any that have the same names."""
        names = {name.lower() for name, _ in headers}
        kept = tuple(pair for pair in self.headers if pair[0].lower() not in names)
        return replace(self, headers=(*kept, *headers))

    @property
    def fields(self) -> dict[str, str]:
        """Every header by its name in lower case."""
        fields = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
        if self.status != HTTPStatus.NOT_MODIFIED:
            fields |= {"content-type": self.content_type, "content-length": str(len(self.body))}
        return fields | {name.lower(): value for name, value in self.headers}


def plain(status: HTTPStatus, line: str = "", *headers: tuple[str, str]) -> Response:
    """One line of text, by default the status in words."""
    return Response(status, f"{line or status.phrase}\n".encode(), "text/plain; charset=utf-8", headers)
