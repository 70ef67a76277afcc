"""Cut the photographs that the package ships out of Debian's packages, with their table of credits.

    apt-get download gcompris-qt-data=3.1-2 lomiri-wallpapers-16.04=20.04.0-2
    python tools/photographs.py

in the repository's root. It writes src/helpers/assets/photographs: each photograph as a WebP of
224 x 224 pixels, and photographs.csv, which says of each what it shows, by whom it is, under which
licence, where it comes from, which part was cut out, and its SHA-256.

GCompris keeps its pictures in Qt's resource files, each folder with a README that credits every
picture. A picture without an entry of its own, or under another licence than Creative Commons' or
the public domain, is left out; so are paintings, drawings and people's faces.

`NAMES` is what a person says that a picture shows, where ImageNet has a class for it, decided by
looking at the pictures and at the titles of their sources. A picture gets a label where both
networks give it such a name: first its middle is tried, then parts of it. So that both are right is
how these pictures were chosen, not something that they show.
"""

import csv
import io
import re
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import skimage
import torch
from PIL import Image

from helpers import files, places, pretrained

FOLDER = places.ASSETS / "photographs"
GCOMPRIS, LOMIRI = "gcompris-qt-data_3.1-2_all.deb", "lomiri-wallpapers-16.04_20.04.0-2_all.deb"
SIDE, QUALITY = 224, 82
WHITE = 0.94  # a pixel of at least this in every channel is white
ENDS = (slice(0, 8), slice(-8, None))
PARTS = ("middle", "start", "end", "inner")  # of a picture, in the order in which they are tried

# The activities of GCompris whose pictures are photographs, but for those that EXCEPT matches.
ACTIVITIES = r"/(categorization/resource/images|erase|explore_[a-z_]+|details|solar_system)/"
EXCEPT = re.compile(
    r"alphabets|numbers|details.*_\d\.webp|Gogh|Auvers|Tanguy|Night_Cafe"
    r"|music/(america|australia|ireland|italy|japan|mexico|orchestra)"
    r"|images/monuments/(brandenburgGate|colosseum|greatPyramid)"  # of which there is a larger copy
)
WALLPAPERS = re.compile(
    r"(Bridge|Dragonfly|Picture_0B|Picture_1A|Wine|aitzgorri|free|friends|greentock|life"
    r"|picosdeeuropa|seeding|sunset|Kleiber)_by_"
)
LICENCES = {
    "public domain": "public domain",
    "cc0-1.0": "CC0 1.0",
    "cc-by-2.0": "CC BY 2.0",
    "cc-by-3.0": "CC BY 3.0",
    "cc-by-4.0": "CC BY 4.0",
    "cc-by-sa-3.0": "CC BY-SA 3.0",
    "cc-by-sa-4.0": "CC BY-SA 4.0",
}
CASTLE, CAT = "castle|palace", "tabby|tiger cat|Egyptian cat"
NAMES = {
    "tools": dict.fromkeys([f"hammer{number}" for number in range(2, 10)], "hammer")
    | dict.fromkeys([f"measuringTape{number}" for number in range(1, 7)], "rule")
    | dict.fromkeys(["screwDriver1", "screwDriver2"], "screwdriver"),
    "renewable": dict.fromkeys([f"dam{number}" for number in range(1, 6)], "dam")
    | dict.fromkeys([f"solar{number}" for number in (1, 4, 5, 6, 7, 8)], "solar dish")
    | {"geothermal": "geyser"},
    "monuments": {
        "arcDeTriomphe": "triumphal arch",
        "IndiaGate": "triumphal arch",
        "cathedral": "church",
        "leMusee": "palace",
        "monument1": "mosque",
        "monument3": "church",
        "zimniPalace": "palace",
    },
    "fishes": {"fish9": "anemone fish", "fish25": "goldfish", "fish28": "puffer"},
    "others": {
        "baseball": "baseball",
        "bucket": "bucket",
        "buffetset": "cup",
        "cup": "cup",
        "pan": "frying pan",
        "pillow": "pillow",
        "plate": "plate",
        "volleyball": "volleyball",
        "weighingMachine": "scale",
    },
    "image": {
        "Chenonceau_background": CASTLE,
        "EgeskovSlotSpejling_background": CASTLE,
        "EilanDonanCastle_background": "castle",
        "Louvre_2007_02_24_c_background": "palace",
        "NDP_background": "church",
        "Nagoya_background": "castle",
        "Neuschwanstein_background": CASTLE,
        "TowerBridgeLondon_background": "suspension bridge",
    },
    "erase": {
        "bee": "bee",
        "chamaeleon": "African chameleon",
        "cheetah": "cheetah",
        "gibbon": "gibbon",
        "gorilla": "gorilla",
        "gosling": "goose",
        "horse": "sorrel",
        "kitten": CAT,
        "long_nosed_monkey": "proboscis monkey",
        "macaque": "macaque",
        "meerkats": "meerkat",
        "nubian_ibex": "ibex",
        "red_panda": "lesser panda",
        "spoonbills": "spoonbill",
        "toucan": "toucan",
    },
    "india": {
        "charminar": "mosque",
        "greatStupa": "stupa",
        "hawaMahal": "palace",
        "mysorePalace": "palace",
    },
    "france": {
        "chateaudeChambord": CASTLE,
        "chateaudeChenonceau": CASTLE,
        "citedeCarcassonne": "castle",
        "palaisdesPapes": "palace",
        "reimsCathedral": "church",
    },
    "germany": {
        "berlinCathedral": "church|dome",
        "neuschwansteinCastle": CASTLE,
        "schwerinPalace": CASTLE,
        "wormsCathedral": "church",
    },
    "usa": {"canyondeChelly": "cliff", "navajo": "cliff dwelling"},
    "animals": {
        "bison": "bison",
        "chicken": "hen",
        "dog": "German shepherd",
        "dragon": "Komodo dragon",
        "hedgehog": "porcupine",  # ImageNet's class has both names
        "jaguar": "jaguar",
        "koala": "koala",
        "lemur": "Madagascar cat",
        "panda": "giant panda",
        "pig": "hog",
        "polar_bear": "ice bear",
        "scarlet_macaw": "macaw",
    },
    "music": {"africa": "drum"},
    "wallpapers": {
        "Picture_0B_by_freespace": "fig",
        "Picture_1A_by_freespace": "paintbrush",
        "greentock_by_Peter_Nerlich": "analog clock|wall clock",
        "picosdeeuropa_by_Aitzol_Berasategi": "alp",
    },
    "skimage": {"chelsea": CAT, "coffee": "espresso"},
}


@dataclass
class Picture:
    """A picture with its credits, the part of it that is shipped, and what that shows."""

    group: str
    stem: str
    author: str
    licence: str
    source: str
    package: str
    pixels: Image.Image

    @property
    def names(self) -> list[str]:
        """What a person calls it, where ImageNet has a class for that."""
        found = NAMES.get(self.group, {}).get(self.stem, "")
        return found.split("|") if found else []


@dataclass
class Row:
    """A line of the table."""

    file: str
    label: str
    ground: str
    author: str
    licence: str
    source: str
    package: str
    part: str
    sha256: str


def resources(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The files of a Qt resource file, by path.

    Its header names where three parts begin, in big-endian numbers: a tree of nodes, of 22 bytes
    from version 2 on, the data, and the names in UTF-16.
    """
    magic, version, tree, data, names = struct.unpack(">4s4I", content[:20])
    if magic != b"qres":
        raise SystemExit("no Qt resource file")
    node = 22 if version >= 2 else 14

    def name(offset: int) -> str:
        (length,) = struct.unpack_from(">H", content, names + offset)
        begin = names + offset + 6  # after the length and a hash
        return content[begin : begin + 2 * length].decode("utf-16-be")

    def walk(number: int, above: str) -> Iterator[tuple[str, bytes]]:
        offset = tree + number * node
        title, flags = struct.unpack_from(">IH", content, offset)
        path = f"{above}/{name(title)}" if number else ""
        if flags & 2:  # a folder: how many children, and the first one's number
            count, first = struct.unpack_from(">2I", content, offset + 6)
            for child in range(first, first + count):
                yield from walk(child, path)
            return
        (place,) = struct.unpack_from(">I", content, offset + 10)
        (length,) = struct.unpack_from(">I", content, data + place)
        found = content[data + place + 4 : data + place + 4 + length]
        yield path, zlib.decompress(found[4:]) if flags & 1 else found

    return walk(0, "")


def credits_of(readme: str) -> dict[str, dict[str, str]]:
    """The entries of a README by the names of the files that they are about."""
    found = {}
    for block in re.split(r"\n\s*\n", readme):
        fields: dict[str, list[str]] = {}
        names, key = [], ""
        for line in map(str.strip, block.splitlines()):
            heading = re.match(r"(Copyright|License|Source|Comment|Files)s?\s*:\s*(.*)", line)
            key, text = heading.groups() if heading else (key, line)
            if text.endswith(".webp"):
                names.append(text)
            elif text:
                fields.setdefault(key, []).append(text)
        entry = {name: "; ".join(texts) for name, texts in fields.items()}
        found |= dict.fromkeys(names, entry)
    return found


def credited(entry: dict[str, str]) -> dict[str, str] | None:
    """Author, licence and source of an entry; None where one lacks or is not free enough."""
    licence = LICENCES.get(entry.get("License", "").lower().replace(" ", "-"))
    licence = licence or LICENCES.get(entry.get("License", "").lower())
    author = re.sub(r"(Copyright |© )?\b\d{4}\b(-\d{4})?,? *", "", entry.get("Copyright", ""))
    author = author.strip(" ,;©")
    comment = entry.get("Comment", "")
    source = entry.get("Source") or "".join(re.findall(r"https?://\S+", comment)[:1])
    if original := re.search(r"(?:photo|image) by ([^,]+),", comment):
        author = f"{original[1]}; changed by {author}"
    if not (licence and author and source):
        return None
    return {"author": author, "licence": licence, "source": source}


def gcompris(root: Path) -> Iterator[Picture]:
    """The photographs of GCompris that are credited."""
    for file in sorted(root.glob("usr/share/gcompris-qt/rcc/*.rcc")):
        contents = dict(resources(file.read_bytes()))
        for readme in sorted(path for path in contents if path.endswith("/README")):
            folder = readme.removesuffix("/README")
            for name, entry in credits_of(contents[readme].decode()).items():
                path = f"{folder}/{name}"
                known = credited(entry)
                if not (path in contents and known and re.search(ACTIVITIES, path)):
                    continue
                if EXCEPT.search(path):
                    continue
                *_, group, file_name = path.split("/")
                group = path.split("/")[4] if group == "resource" else group
                picture = Image.open(io.BytesIO(contents[path]))
                package = "Debian gcompris-qt-data 3.1-2"
                stem = file_name.removesuffix(".webp")
                yield Picture(group, stem, **known, package=package, pixels=on_white(picture))


def wallpapers(root: Path) -> Iterator[Picture]:
    """The photographs among the wallpapers of Lomiri, by the package's list of copyrights."""
    listed = (root / "usr/share/doc/lomiri-wallpapers-16.04/copyright").read_text()
    for block in re.split(r"\n\s*\n", listed):
        fields = dict(re.findall(r"^(Files|Copyright|License): *(.*)$", block, re.MULTILINE))
        name = Path(fields.get("Files", "")).name
        licence = LICENCES.get(fields.get("License", "").lower())
        found = list(root.rglob(name)) if WALLPAPERS.match(name) and licence else []
        if found:
            author = re.sub(r'^[\d.,\s]+|, \d+$|"', "", fields["Copyright"])
            source = "https://gitlab.com/ubports/development/core/lomiri-wallpapers"
            package = "Debian lomiri-wallpapers-16.04 20.04.0-2"
            pixels = on_white(Image.open(found[0]))
            yield Picture("wallpapers", found[0].stem, author, licence, source, package, pixels)


def scikit_image() -> Iterator[Picture]:
    """Two photographs of scikit-image, which its functions credit."""
    version = f"PyPI scikit-image {skimage.__version__}"
    source = "https://scikit-image.org/docs/stable/api/skimage.data.html"
    for stem, author in (("chelsea", "Stefan van der Walt"), ("coffee", "Rachel Michetti")):
        pixels = Image.fromarray(getattr(skimage.data, stem)())
        yield Picture("skimage", stem, author, "CC0 1.0", source, version, pixels)


def on_white(picture: Image.Image) -> Image.Image:
    """A picture without transparency."""
    picture = picture.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    return white.convert("RGB")


def cut(picture: Image.Image, part: str) -> Image.Image:
    """A square of a picture, as large as `SIDE`."""
    width, height = picture.size
    short, spare = min(width, height), max(width, height) - min(width, height)
    share = {"middle": 0.5, "start": 0.0, "end": 1.0, "inner": 0.5}[part]
    left, top = (round(share * spare), 0) if width > height else (0, round(share * spare))
    square = picture.crop((left, top, left + short, top + short))
    if part == "inner":
        edge = short // 10
        square = square.crop((edge, edge, short - edge, short - edge))
    return square.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def encoded(picture: Image.Image) -> bytes:
    """A picture as WebP."""
    stream = io.BytesIO()
    picture.save(stream, "WEBP", quality=QUALITY, method=6)
    return stream.getvalue()


def decoded(content: bytes) -> np.ndarray:
    """What a reader sees of it: [224, 224, 3] in [0, 1]."""
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), dtype=np.float32) / 255


def on_a_white_ground(pixels: np.ndarray) -> bool:
    """Whether a picture is white in all its corners, or along most of its edge."""
    white = (pixels >= WHITE).all(axis=2)
    across = [white[:4], white[-4:], white[:, :4].T, white[:, -4:].T]
    corners = [white[top, left] for top in ENDS for left in ENDS]
    whole = all(corner.mean() > 0.9 for corner in corners)
    return bool(whole or np.concatenate([edge.ravel() for edge in across]).mean() > 0.5)


def answers(networks: list[torch.nn.Module], pixels: np.ndarray) -> set[str]:
    """What the networks call a picture."""
    image = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    with torch.inference_mode():
        return {pretrained.CLASSES[int(network(image).argmax())] for network in networks}


def shipped(picture: Picture, networks: list[torch.nn.Module]) -> tuple[Row, bytes]:
    """The part of a picture that is shipped, with its line of the table."""
    label, part = "", PARTS[0]
    for tried in PARTS if picture.names else ():
        given = answers(networks, decoded(encoded(cut(picture.pixels, tried))))
        if len(given) == 1 and given <= set(picture.names):
            (label,), part = given, tried
            break
    content = encoded(cut(picture.pixels, part))
    stem = re.sub(r"(_by_.*|_background)$", "", picture.stem)
    row = Row(
        file=f"{picture.group}-{stem}.webp",
        label=label,
        ground="white" if on_a_white_ground(decoded(content)) else "scene",
        author=picture.author,
        licence=picture.licence,
        source=picture.source,
        package=picture.package,
        part=part,
        sha256=files.sha256(content),
    )
    return row, content


def main() -> None:
    """Write the photographs and their table."""
    networks = [pretrained.load(name) for name in ("squeezenet", "efficientnet-lite0")]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for package in (GCOMPRIS, LOMIRI):
            subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
        for old in FOLDER.glob("*.webp"):
            old.unlink()
        root = Path(folder)
        for picture in (*gcompris(root), *wallpapers(root), *scikit_image()):
            row, content = shipped(picture, networks)
            (FOLDER / row.file).write_bytes(content)
            rows.append(row)
    rows.sort(key=lambda row: row.file)
    with (FOLDER / "photographs.csv").open("w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, list(asdict(rows[0])), lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(asdict, rows))
    right = [row for row in rows if row.label]
    photographs = sum(row.ground == "scene" for row in right)
    print(
        f"{len(rows)} pictures, {len(right)} that both networks name, {photographs} of them scenes"
    )


if __name__ == "__main__":
    main()
