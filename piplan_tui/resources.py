"""Where the files that come with the program are: styles and examples."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    # a wheel carries them inside the package, a checkout has them at its top
    packaged = _PACKAGE / "_data" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent / name


def styles_dir() -> Path:
    """The folder of the `.tcss` files."""
    return _folder("styles")


def examples_dir() -> Path:
    """The folder of plans and workflows that can be run as they are."""
    return _folder("examples")


def style_files() -> list[Path]:
    """Every style sheet, in the order in which they are to be read.

    Raises:
        FileNotFoundError: the program is installed without them.
    """
    files = sorted(styles_dir().glob("**/*.tcss"))
    if not files:
        raise FileNotFoundError(f"no style sheets in {styles_dir()}: the installation is incomplete")
    return files
