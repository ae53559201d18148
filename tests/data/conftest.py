"""Sixty pictures of three classes, as they are and as a folder of them: what shards and rows are held against."""

from __future__ import annotations

import pytest

CLASSES = ("cat", "dog", "owl")


@pytest.fixture
def pictures(photo, encode):
    return [(number, CLASSES[number % 3], encode(photo(number))) for number in range(60)]


@pytest.fixture
def folder(pictures, tmp_path):
    for number, name, content in pictures:
        split = ("train", "val", "test")[max(0, number // 10 - 3)]
        path = tmp_path / "folder" / split / name / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "folder"
