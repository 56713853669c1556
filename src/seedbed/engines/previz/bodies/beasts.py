"""Four-legged animals by name: their measures, coats, gaits and sizes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache, partial

import numpy as np

from seedbed.engines.previz.bodies import beast, fabled, herds, paces, people, species, strides, suits
from seedbed.engines.previz.bodies.beast import Coat, Shape
from seedbed.engines.previz.bodies.form import Grain
from seedbed.engines.previz.bodies.model import Model
from seedbed.engines.previz.bodies.paces import BOUND, CANTER, GALLOP, TROT, WALK, Pace, quicker
from seedbed.engines.previz.bodies.rig import Clip, Rig
from seedbed.engines.previz.shapes.mesh import Mesh, joined
from seedbed.engines.previz.shapes.paint import MOTTLED, STREAKS, Palette, paint


@dataclass(frozen=True, slots=True)
class Breed:
    """A kind: its shape, coats to draw from (body, hair, hoof or nose), gaits beside walking, and its size against
    the shape."""

    shape: Shape
    coats: tuple[tuple[str, str, str], ...]
    size: float
    tempo: float
    """How long strides take against a horse's."""
    paces: tuple[tuple[str, Pace], ...]
    rests: tuple[str, ...] = ("stand", "graze")
    spots: float = 0.10
    """How mottled the coat is, 0 … 1."""
    low: float = 1.15
    paw: str = ""
    gloss: float = 0.22
    extra: dict[str, str] = field(default_factory=dict)
    striped: bool = False


_HORSE = (("walk", WALK), ("trot", TROT), ("canter", CANTER), ("gallop", GALLOP))
_DOG = (("walk", WALK), ("trot", TROT), ("run", BOUND))
_CAT = (("walk", quicker(WALK, neck=-0.22, reach=0.86)), ("trot", TROT), ("run", BOUND))
_DEER = (("walk", WALK), ("trot", TROT), ("run", quicker(BOUND, arch=0.14, neck=-0.10, lift=0.30, bounce=0.09)))
_COW = (("walk", WALK), ("trot", quicker(TROT, reach=0.70)), ("run", quicker(CANTER, reach=0.74)))
_SLOW = (
    ("walk", quicker(WALK, reach=0.56, lift=0.06)),
    ("run", quicker(WALK, reach=0.66, duty=0.52, period=0.72, lift=0.08)),
)

KINDS: dict[str, Breed] = {
    "horse": Breed(species.HORSE, (
        ("6b3f22", "1c130e", "2a221c"), ("3a2417", "17100c", "1f1a16"), ("8c5a30", "d9c194", "4a3d30"),
            ("d8d4cc", "c9c4ba", "5a524a"),
        ("1f1b1a", "121010", "1a1615"), ("9a8f86", "4a4440", "2f2a26")), 1.0, 1.0, _HORSE),
    "dog": Breed(species.DOG, (
        ("b98a52", "a87b48", "17120f"), ("3a2a20", "2f221a", "120e0c"), ("d9cdb8", "cfc0a6", "17120f"),
            ("5a5450", "4a4542", "17120f"),
        ("8a4f2a", "7d4626", "17120f")), 0.92, 0.62, _DOG, ("stand", "sit")),
    "wolf": Breed(species.WOLF, (("7d7872", "5c5853", "14110f"), ("6a625a", "4a443e", "14110f"),
        ("c9c5bd", "b5b0a8", "14110f")), 1.25, 0.72, _DOG, ("stand", "sit"), 0.28),
    "fox": Breed(species.FOX, (("c2622a", "b85a26", "14110f"),
        ("b5561f", "a84e1c", "14110f")), 0.62, 0.52, _DOG, ("stand", "sit"), 0.12),
    "cat": Breed(species.CAT, (
        ("7d7468", "6a6258", "c98a86"), ("c98242", "b5713a", "d9a090"), ("262322", "1f1c1b", "2a2422"),
            ("e6e0d6", "ded6ca", "d9a0a0"),
        ("9a9088", "847a72", "b58a86")), 1.0, 0.52, _CAT, ("stand", "sit"), 0.30),
    "lion": Breed(species.LION, (("c29a62", "6b4526", "2a1a14"),
        ("b58a52", "57351d", "2a1a14")), 3.5, 0.92, _CAT, ("stand", "sit")),
    "lioness": Breed(species.TIGER, (("c29a62", "b58a52", "2a1a14"),), 3.2, 0.90, _CAT, ("stand", "sit")),
    "tiger": Breed(species.TIGER, (("c9752a", "c9752a", "7a4038"),), 3.4, 0.92, _CAT,
        ("stand", "sit"), 0.12, striped=True),
    "leopard": Breed(species.TIGER, (("c99a52", "c99a52", "4a2a24"),), 2.4, 0.80, _CAT, ("stand", "sit"), 1.3),
    "panther": Breed(species.TIGER, (("1c1a1c", "1c1a1c", "141214"),), 2.5, 0.80, _CAT,
        ("stand", "sit"), 0.1, gloss=0.4),
    "deer": Breed(herds.DEER, (("9a6a3f", "e6dccb", "1f1813"), ("8a5a35", "e0d4c0", "1f1813")), 1.0, 0.80, _DEER),
    "doe": Breed(herds.DOE, (("a5764a", "e6dccb", "1f1813"),), 0.88, 0.76, _DEER, spots=0.2),
    "cow": Breed(herds.COW, (
        ("efeae0", "2a2420", "d9a9a0"), ("8a5230", "6b3f24", "b58a80"), ("3a2a20", "2a1e18", "5a4440"),
            ("d9b98a", "c9a878", "d0a090")),
        1.0, 1.05, _COW, spots=0.12, extra={"pink": "dba79c", "horn": "d9cdb4"}),
    "sheep": Breed(herds.SHEEP, (("2a2624", "ebe6da", "1a1715"), ("d9cdb8", "efeae0", "3a3430"),
        ("3a322c", "e2dccd", "1a1715")), 1.0, 0.70, _COW),
    "bear": Breed(herds.BEAR, (("5a3a22", "52341f", "14100e"), ("2a211c", "241c18", "120e0c"),
        ("6b4a2e", "5f4128", "14100e")), 1.0, 0.95, _COW, ("stand", "sit"), 0.18),
    "polar bear": Breed(herds.BEAR, (("ece6d6", "e6dfce", "14100e"),), 1.15, 1.0, _COW, ("stand", "sit")),
    "elephant": Breed(herds.ELEPHANT, (("77706a", "3a3532", "8f877d"),
        ("847b72", "3a3532", "9a9186")),
            1.0, 1.75, _SLOW, ("stand",), 0.16, gloss=0.10, extra={"horn": "ece4d0", "ear": "574f49"}),
    "unicorn": Breed(fabled.UNICORN, (("f2f0f4", "e3b7d6", "c9b99a"), ("f4f2ee", "b9c4ee", "c9b99a"),
        ("f3eef2", "d9c9f0", "c9b99a")), 1.0, 1.0, _HORSE, spots=0.03, extra={"horn": "ecd28a"}),
    "dinosaur": Breed(fabled.DINOSAUR, (("6f7a52", "66714b", "3a3a30"), ("7d6a4c", "746246", "3a332a"),
        ("5c7078", "546870", "2f383a")), 1.0, 2.0, _SLOW, ("stand",), 0.5, gloss=0.15),
}  # fmt: skip
ALIASES: dict[str, str] = {
    "stallion": "horse",
    "pony": "horse",
    "puppy": "dog",
    "kitten": "cat",
    "stag": "deer",
    "bull": "cow",
    "ox": "cow",
    "lamb": "sheep",
    "big cat": "tiger",
    "brontosaurus": "dinosaur",
    "diplodocus": "dinosaur",
    "brachiosaurus": "dinosaur",
}


@lru_cache(maxsize=16)
def _skeleton(name: str) -> Rig:
    return beast.skeleton(KINDS[name].shape)


@lru_cache(maxsize=64)
def clip(name: str, motion: str) -> Clip:
    breed, rig = KINDS[name], _skeleton(name)
    for pace_name, pace in breed.paces:
        if pace_name == motion:
            return paces.moving(rig, breed.shape, pace, breed.tempo)
    if motion == "sit":
        return paces.sitting(rig, breed.shape)
    return paces.standing(rig, breed.shape, motion, breed.low)


def _coat(breed: Breed, tones: tuple[str, str, str], palette: Palette, seed: int) -> Coat:
    size = breed.shape.fore.joints[0][1]
    fur = partial(paint, gloss=breed.gloss)
    if breed.striped:
        main = palette.add(fur(tones[0], pattern=STREAKS, numbers=(10 / size, 1.3, seed)))
    else:
        main = palette.add(
            fur(tones[0], pattern=MOTTLED, numbers=((9.0 if breed.spots > 0.5 else 5.0) / size, breed.spots, seed))
        )
    more = {name: palette.add(fur(colour)) for name, colour in breed.extra.items()}
    return Coat(
        coat=main, under=main, hair=palette.add(fur(tones[1], pattern=STREAKS, numbers=(60 / size, 0.3, 3))),
        hoof=palette.add(paint(tones[2], gloss=0.4)), eye=palette.add(paint("0c0a09", gloss=0.9)),
        nose=palette.add(paint(tones[2], gloss=0.5)),
            horn=more.get("horn") or palette.add(paint("b5a284", gloss=0.3)), more=more,
    )  # fmt: skip


def beast_model(
    kind: str, rng: np.random.Generator, palette: Palette, grain: Grain, *, colour: str = "", size: float = 1.0,
    rider: str = "",
) -> Model:  # fmt: skip
    """An animal of KINDS or ALIASES; `rider` is "man" or "knight" where somebody is astride."""
    name = ALIASES.get(kind, kind)
    breed = KINDS[name]
    tones = breed.coats[int(rng.integers(1 << 30)) % len(breed.coats)]
    scale = breed.size * size * float(rng.uniform(0.94, 1.06))
    rig = _skeleton(name)
    coat = _coat(breed, (colour, *tones[1:]) if colour else tones, palette, int(rng.integers(97)))
    mesh = beast.build(breed.shape, coat, grain, rig)
    if breed.striped:
        # Streaks run along v, which runs along limbs: stripes go around them.
        mesh = replace(mesh, uv=mesh.uv[:, ::-1].copy())
    if rider:
        mesh = joined([mesh, _rider(rider, breed.shape, rng, palette, grain, beast.numbers(rig)("trunk"))])
    motions = [name for name, _ in breed.paces]
    names = [breed.rests[0], *motions, *breed.rests[1:]]
    top = float(mesh.points[:, 2].max()) * scale
    return Model(kind, mesh.scaled(scale), {m: partial(clip, name, m) for m in names}, top, scale)


def _rider(kind: str, shape: Shape, rng: np.random.Generator, palette: Palette, grain: Grain, bone: int) -> Mesh:
    """A person astride, as one solid thing on the back."""
    if kind == "knight":
        person = suits.suited_model("knight", rng, palette, grain, height=1.76)
    else:
        who = "man" if rng.random() < 0.6 else "woman"
        person = people.person_model(who, rng, palette, grain, outfit="casual", height=1.72)
    pose = person.pose("ride", 0.0)
    mesh = person.mesh
    a, b = pose[mesh.bones[:, 0]], pose[mesh.bones[:, 1]]
    w = mesh.weights[:, None]

    def led(points: np.ndarray, part: slice) -> np.ndarray:
        one, two = (np.einsum("nij,nj->ni", m[:, :, :3], points) for m in (a, b))
        if part.stop == 4:
            one, two = one + a[:, :, 3], two + b[:, :, 3]
        return np.asarray(one * w + two * (1 - w), np.float32)

    points, normals = led(mesh.points, slice(0, 4)), led(mesh.normals, slice(0, 3))
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    ys = [row[0] for row in shape.trunk]
    saddle = 0.08 * (ys[-1] - ys[0])
    top = float(np.interp(saddle, ys, [row[1] for row in shape.trunk]))
    seat = strides.clip("man", "ride").table[0, 0, 2, 3] * 0 + (0.52 * 0.545 + 0.045 - 0.075) * person.scale
    return replace(mesh, points=points, normals=normals).moved(0, saddle, top - float(seat)).boned(bone)
