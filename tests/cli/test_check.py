"""`deepenough check` as a shell would call it."""

from __future__ import annotations

import json


def test_check_reads_pictures_outside_the_manifest_when_that_is_allowed(invoke_in_line, folder_of, tmp_path):
    root = folder_of({"cat": 4, "dog": 4})
    rows = [f"{path},{path.parent.name}" for path in sorted(root.rglob("*.png"))]
    named = tmp_path / "lists" / "m.csv"
    named.parent.mkdir()
    named.write_text("\n".join(["path,target", *rows]))
    code, _, err = invoke_in_line("check", named)
    assert (code, err.count("--allow-outside")) == (2, 1)
    code, out, _ = invoke_in_line("check", named, "--allow-outside", "--json")
    audit = json.loads(out)["audit"]
    assert (code, audit["used"]) == (0, 8)
    assert "Paths that leave the manifest's folder, as was allowed: 8." in audit["notes"]


def test_check_reads_what_the_task_asks_for(invoke_in_line, tmp_path, photo, encode):
    for number in range(9):
        (tmp_path / f"{number}.png").write_bytes(encode(photo(number)))
    images = [{"id": number, "file_name": f"{number}.png", "width": 32, "height": 24} for number in range(9)]
    box = {"category_id": 1, "bbox": [1, 1, 9, 9]}
    marked = [{"id": number, "image_id": number, **box} for number in range(8)]
    content = {"images": images, "annotations": marked, "categories": [{"id": 1, "name": "cat"}]}
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    code, out, _ = invoke_in_line("check", tmp_path, "--task", "detection", "--json")
    audit = json.loads(out)["audit"]
    assert (code, audit["used"], sum(audit["classes"]["cat"].values())) == (0, 9, 8)
    code, _, err = invoke_in_line("check", tmp_path, "--task", "detecting")
    assert (code, err.count("did you mean detection?")) == (2, 1)
