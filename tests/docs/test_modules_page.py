"""`docs/modules.md` is the listing of the package: every module in its folder, and nothing else. So the architecture is
one page."""

from __future__ import annotations

from pathlib import Path

import pytest

from .pages import ROOT, codes, first_codes, sections, text_of

PACKAGE = ROOT / "src" / "runstone"
FOLDERS = {codes(heading)[0]: text for heading, text in sections("docs/modules.md").items()}


def listing(folder: Path) -> list[str]:
    """The modules of a folder; `__init__.py` says what the folder is and needs no line."""
    return sorted(path.name for path in folder.glob("*.py") if path.name != "__init__.py")


def test_every_folder_with_modules_has_a_section() -> None:
    """Headings are the folders of the package, each below `src/runstone/`."""
    folders = {path.parent for path in PACKAGE.rglob("*.py") if listing(path.parent)}
    assert len(folders) > 20
    assert {(PACKAGE / name).resolve() for name in FOLDERS} == folders


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_modules_of_a_folder_are_its_listing(folder: str) -> None:
    """Each module stands in its folder's section, once; what stands there is a module."""
    assert sorted(first_codes(FOLDERS[folder])) == listing(PACKAGE / folder)


def test_the_architecture_is_one_page() -> None:
    """Layers, the life of a run, invariants. What lists modules stands in the listing."""
    assert len(text_of("ARCHITECTURE.md").splitlines()) <= 90
