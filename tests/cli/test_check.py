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
