"""The templates and static files of the pages, held in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from devicehub.station.words import LANGUAGES, Words
from devicehub.visit.operators import Operator

_HERE = Path(__file__).parent
_MEDIA = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Asset:
    """A static file, held in memory: there are few, and a page asks for each once."""

    body: bytes
    media_type: str
    digest: str


class Rendering:
    """Renders templates of ``templates/`` and serves the files of ``static/``."""

    def __init__(self) -> None:
        assets = {path.name: _asset(path) for path in sorted(_HERE.glob("static/*"))}
        self.assets: Mapping[str, Asset] = MappingProxyType(assets)
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            auto_reload=False,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["asset"] = self._address
        templates = (path.read_bytes() for path in sorted(_HERE.glob("templates/*")))
        digests = "".join(asset.digest for asset in assets.values()).encode()
        self.version = sha256(b"".join(templates) + digests).hexdigest()[:16]
        """Changes whenever a template or a static file does."""

    def render(self, template: str, words: Words, **values: object) -> str:
        """A template filled; ``words`` are always among its values."""
        return self._environment.get_template(f"{template}.html").render(words=words, **values)

    def sign_in(
        self, words: Words, operators: Sequence[Operator], provider: bool, why: str | None
    ) -> str:
        """The page that asks who stands there."""
        return self.render(
            "sign_in",
            words,
            operators=operators,
            provider=provider,
            why=why,
            languages=LANGUAGES,
        )

    def _address(self, name: str) -> str:
        return f"/static/{name}?v={self.assets[name].digest}"


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    return Asset(body, _MEDIA[path.suffix], sha256(body).hexdigest()[:16])
