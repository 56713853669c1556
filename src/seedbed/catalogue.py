"""What is sold: models, what each can do, what it costs and which engines make it.

Pure functions over data read once from a TOML file (`catalogue.toml`, or the operator's own). Money is
exact: rates are whole thousandths of a credit, and a price is rounded up to a whole credit once.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Literal, cast, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from seedbed import toml_files
from seedbed.engines import REGISTRY, Mode, Quality
from seedbed.errors import ConfigError

BUILT_IN = Path(__file__).with_name("catalogue.toml")
MODES: tuple[Mode, ...] = get_args(Mode)

SHORT_SIDE = {"480p": 480, "720p": 720, "1024p": 1024, "1080p": 1080, "1080p-plus": 1440, "4k": 2160}
"""Pixels of the short side, by resolution."""

Dialect = Literal["open", "studio", "ark", "openai", "mcp"]
"""The wire dialects that a model can be sold through: the names in `dialects.DIALECTS`."""

Renaming = Literal["ark", "openai"]
"""The dialects whose clients call models by names of their own."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$")]
Resolution = Literal["480p", "720p", "1024p", "1080p", "1080p-plus", "4k"]
ADAPTIVE = "adaptive"
"""The aspect ratio of whoever takes that of the first picture or video."""

ADAPTIVE_WITHOUT_MEDIA = "16:9"
NARROWEST, WIDEST = Fraction(9, 21), Fraction(21, 9)

Ratio = Annotated[str, Field(pattern=rf"^([1-9]\d?:[1-9]\d?|{ADAPTIVE})$")]


def _rate(text: object) -> int:
    """Thousandths of a credit a second, from decimal text such as "12.8"."""
    if not isinstance(text, str):
        raise ValueError('write the rate as text, such as "12.8"')
    try:
        milli = Decimal(text) * 1000
    except InvalidOperation:
        raise ValueError(f'{text!r} is not a number; write something like "12.8"') from None
    if not milli.is_finite() or milli < 0 or milli != milli.to_integral_value():
        raise ValueError(f"{text!r} must be zero or more, in steps of a thousandth of a credit")
    return int(milli)


Rate = Annotated[int, BeforeValidator(_rate)]


class Model(BaseModel):
    """One model as sold. Rates are thousandths of a credit a second, by mode and resolution.

    `names` are what the clients of a dialect call it, beside its id; several models may not share one there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    title: str
    dialects: tuple[Dialect, ...] = Field(min_length=1)
    durations_s: tuple[Annotated[int, Field(ge=1, le=60)], ...] = Field(min_length=1)
    aspect_ratios: tuple[Ratio, ...] = Field(min_length=1)
    engines: tuple[str, ...] = Field(min_length=1)
    quality: Quality = "standard"
    references: bool = True
    names: dict[Renaming, tuple[Name, ...]] = {}
    credits_per_second: dict[Mode, dict[Resolution, Rate]] = Field(min_length=1)

    def names_in(self, dialect: str) -> tuple[str, ...]:
        """What it is called in a dialect, the names that clients know first, and its id last."""
        return (*self.names.get(cast(Renaming, dialect), ()), self.id)

    @property
    def modes(self) -> tuple[Mode, ...]:
        return tuple(mode for mode in MODES if mode in self.credits_per_second)

    def resolutions(self, mode: Mode) -> tuple[str, ...]:
        return tuple(self.credits_per_second[mode])


class Catalogue(BaseModel):
    """All models, in the file's order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    credits_per_usd: int = Field(gt=0)
    model: tuple[Model, ...] = Field(min_length=1)

    @cached_property
    def by_id(self) -> Mapping[str, Model]:
        return {model.id: model for model in self.model}

    def sold_by(self, dialect: str) -> tuple[Model, ...]:
        return tuple(model for model in self.model if dialect in model.dialects)

    def find(self, dialect: str, name: str) -> Model | None:
        """The model that is called `name` in a dialect, by its id or another name."""
        return next((model for model in self.sold_by(dialect) if name in model.names_in(dialect)), None)

    def usd_per_second(self, model: Model, mode: Mode, resolution: str) -> Decimal:
        """The same price in dollars, exact."""
        milli = model.credits_per_second[mode][cast(Resolution, resolution)]
        return Decimal(milli) / 1000 / self.credits_per_usd


def price(model: Model, mode: Mode, resolution: str, duration_s: int) -> int:
    """Whole credits for one task: seconds times rate, rounded up once.

    Raises KeyError for a mode or resolution that the model does not have.
    """
    milli = model.credits_per_second[mode][cast(Resolution, resolution)] * duration_s
    return -(-milli // 1000)


def pixels(resolution: str, aspect_ratio: str, like: tuple[int, int] | None = None) -> tuple[int, int]:
    """Width and height in even pixels: the resolution names the short side, the long one follows the ratio.

    Where the ratio is ADAPTIVE it is that of a medium of the size `like`, kept between 9:21 and 21:9, and
    16:9 without one.
    """
    return _pixels(resolution, aspect_ratio, like)


@lru_cache(maxsize=1024)
def _pixels(resolution: str, aspect_ratio: str, like: tuple[int, int] | None) -> tuple[int, int]:
    if aspect_ratio == ADAPTIVE and like is not None:
        ratio = min(max(Fraction(*like), NARROWEST), WIDEST)
    else:
        named = ADAPTIVE_WITHOUT_MEDIA if aspect_ratio == ADAPTIVE else aspect_ratio
        across, down = (int(part) for part in named.split(":"))
        ratio = Fraction(across, down)
    short = SHORT_SIDE[resolution]
    long = 2 * round(short * max(ratio, 1 / ratio) / 2)
    return (long, short) if ratio >= 1 else (short, long)


def load(path: Path | None = None) -> Catalogue:
    """The catalogue at `path`, or the built-in one. Raises ConfigError with file, line and what to change."""
    path = path or BUILT_IN
    found, text = toml_files.read(path, Catalogue)
    _check(found, path, text)
    return found


def _check(catalogue: Catalogue, path: Path, text: str) -> None:
    """What the types cannot say: ids and names are unique, names are of dialects it is sold by, engines are known."""
    seen: set[str] = set()
    for index, model in enumerate(catalogue.model):
        where = ("model", index)
        if model.id in seen:
            raise ConfigError(f"{path}:{toml_files.line(text, (*where, 'id'))}: the id {model.id!r} is used twice")
        seen.add(model.id)
        for engine in model.engines:
            if engine not in REGISTRY:
                known = ", ".join(sorted(REGISTRY))
                line = toml_files.line(text, (*where, "engines"))
                raise ConfigError(f"{path}:{line}: engine {engine!r} is not known; known are {known}")
        for dialect in model.names:
            line = toml_files.line(text, (*where, "names", dialect))
            if dialect not in model.dialects:
                raise ConfigError(f"{path}:{line}: {model.id!r} has names for {dialect!r} and is not sold there")
    _check_names(catalogue, path, text)


def _check_names(catalogue: Catalogue, path: Path, text: str) -> None:
    taken: set[tuple[str, str]] = set()
    for index, model in enumerate(catalogue.model):
        for dialect in model.dialects:
            for name in model.names_in(dialect):
                if (dialect, name) in taken:
                    line = toml_files.line(text, ("model", index, "names", dialect))
                    raise ConfigError(f"{path}:{line}: the name {name!r} is used twice for {dialect!r}")
                taken.add((dialect, name))
