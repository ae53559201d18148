"""The languages of the report: every sentence once in each, with the same places to fill in, and none forgotten."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

import deepenough
from deepenough import report
from deepenough.data.decode import DecodeError, decode_picture
from deepenough.data.rules import REASONS, TRAITS
from deepenough.errors import InputError
from deepenough.report import proof
from deepenough.report.language import LANGUAGES, catalogue, recorded, say, speaking, term
from deepenough.search.levers import LEVERS, settings_of

SOURCE = Path(deepenough.__file__).parent
PLACE = re.compile(r"\{(\w+)\}")
OTHERS = [language for language in LANGUAGES if language != "en"]
#: Modules that write English sentences into a study's records; the report has to know every one of them.
RECORDING = (
    "comparison/caveats.py",
    "comparison/predictions/matching.py",
    "data/dealing.py",
    "studies/deciding.py",
    "studies/starting.py",
    "studies/third.py",
)


def said_in_source() -> set[str]:
    """The first argument of every `say` and `later`, in Python and in templates."""
    found: set[str] = set()
    for path in (SOURCE / "report").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            if node.func.id in ("say", "later") and isinstance(node.args[0], ast.Constant):
                found.add(str(node.args[0].value))
    for path in (SOURCE / "report" / "templates").glob("*.j2"):
        found |= set(re.findall(r'\bsay\("([^"]*)"', path.read_text(encoding="utf-8")))
    return found


def sentences_of(path: Path) -> set[str]:
    """Whole sentences in a module's code, other than docstrings and errors, with 7 for what is filled in."""
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    within = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    aside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr | ast.Raise)
        for part in ast.walk(node)
        if isinstance(node, ast.Raise) or isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if id(node) in aside or id(node) in within:
            continue
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if text[:1].isupper() and text.endswith(".") and " " in text:
            found.add(text)
    return found


@pytest.mark.parametrize("language", OTHERS)
def test_catalogue_holds_every_sentence_of_the_report_and_no_other(language):
    known = set(catalogue(language)["sentences"])
    said = said_in_source()
    assert len(said) > 400
    assert sorted(said - known) == []
    assert sorted(known - said) == []


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("kind", ["sentences", "recorded"])
def test_translation_fills_in_what_the_english_does(language, kind):
    wrong = {
        english: other
        for english, other in catalogue(language)[kind].items()
        if set(PLACE.findall(english)) != set(PLACE.findall(other)) or not other.strip()
    }
    assert wrong == {}


def test_catalogue_in_chinese_holds_no_english_sentence():
    for kind in ("sentences", "recorded"):
        for english, other in catalogue("zh")[kind].items():
            left = re.findall(r"[a-z]+ [a-z]+ [a-z]+", PLACE.sub("", re.sub(r"deepenough [\w. -]+", "", other)))
            assert left == [], (english, left)


@pytest.mark.parametrize("module", RECORDING)
def test_sentence_that_a_study_records_is_known_in_chinese(module):
    found = sentences_of(SOURCE / module)
    assert found
    tails = ("", " All are listed in 7.", " (7)", " With so few of them the interval is approximate.")
    with speaking("zh"):
        for text in found:
            forms = {text, *(text.replace("7.", f"7{tail}") for tail in tails), text.replace("exact7.", "exact.")}
            forms |= {text.replace("independent.7", "independent."), text.replace("(7 7)", "(7 samples)")}
            forms |= {
                text.replace("(7)", "(7 samples)"),
                text.replace("has 7 and", "has 7 seeds and").replace("t7. P", "t. P"),
            }
            forms |= {text.replace("in 7.", "in 7 sets.")}
            assert any(recorded(form) != form for form in forms), text


def test_finding_of_every_rule_is_known_in_chinese():
    with speaking("zh"):
        for rule in (*REASONS.values(), *TRAITS.values()):
            text = f"{rule.what[0].upper()}{rule.what[1:]}: 12."
            assert "12" in recorded(text) != text
        assert [reason for reason in REASONS if term(reason.replace("_", " ")) == reason.replace("_", " ")] == []


def test_setting_of_every_lever_is_known_in_chinese():
    known = catalogue("zh")["terms"]
    settings = settings_of("resnet50", LEVERS, optimizer="", augmentation="")
    assert len(settings) > 20
    named = [f"{each.lever}: {each.label}" for each in settings] + ["depth: the other depth"]
    assert [name for name in named if name not in known] == []


def test_reason_for_leaving_out_a_picture_is_known_in_chinese(photo, encode):
    whole = {kind: encode(photo(1), kind) for kind in ("PNG", "JPEG", "BMP")}
    broken = [encoded[: len(encoded) // 2] for encoded in whole.values()]
    broken += [b"", b"no picture", whole["PNG"][:45] + b"x" + whole["PNG"][46:]]
    with speaking("zh"):
        for encoded in broken:
            with pytest.raises(DecodeError) as refused:
                decode_picture(encoded)
            assert recorded(refused.value.detail) != refused.value.detail
        assert recorded("12 by 10 pixels, above the limit of 100") == "12 x 10 像素，超过 100 的上限"


def test_words_of_a_user_stay_as_they_are_in_chinese():
    with speaking("zh"):
        assert recorded("Classes without a picture in val: right, error, test.") == (
            "在验证集中没有图像的类别：right, error, test。"
        )
        assert recorded("A sentence of nobody.") == "A sentence of nobody."
        assert say("{small} is enough", small="{big}") == "{big} 已足够"
    assert say("{small} is enough", small="test") == "test is enough"


def test_language_is_refused_when_there_is_none_such(study):
    with pytest.raises(InputError, match="--lang"):
        report.write(study, language="fr")


def test_page_in_chinese_is_verified_and_says_the_numbers_of_the_english_one(study, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in study.iterdir():
        if path.is_file() and path.name != "report.html":
            (folder / path.name).write_bytes(path.read_bytes())
    english = report.write(folder)[1].read_text(encoding="utf-8")
    html_path, text_path = report.write(folder, language="zh")
    page, chinese = html_path.read_text(encoding="utf-8"), text_path.read_text(encoding="utf-8")
    assert '<html lang="zh-Hans">' in page
    assert [look for look in proof.looks(html_path) if look.wrong] == []
    digits = re.compile(r"-?\d[\d,.]*\d|\d")
    assert sorted(digits.findall(english)) == sorted(digits.findall(chinese))


def test_verify_tells_a_chinese_page_whose_language_was_changed(study, tmp_path):
    written = report.write(study, language="zh")[0].read_text(encoding="utf-8")
    report.write(study)
    changed = tmp_path / "report.html"
    changed.write_text(written.replace('"language":"zh"', '"language":"en"'), encoding="utf-8")
    assert any(look.wrong for look in proof.looks(changed))


def test_headline_of_every_answer_is_said_in_chinese(made_up):
    verdict = made_up.verdict()
    seen = set()
    for answer, interval, difference in (
        ("small_is_enough", (-0.2, 0.3), 0.1),
        ("small_is_enough", (0.1, 0.3), 0.2),
        ("small_is_enough", (-0.4, 0.2), -0.1),
        ("big_is_better", (0.6, 0.9), 0.7),
        ("small_is_better", (-0.9, -0.1), -0.5),
        ("undecided", (-0.2, 0.9), 0.4),
        ("undecided", (-0.9, 0.9), -0.1),
    ):
        case = replace(
            verdict, answer=answer, interval=interval, difference=difference, beyond_margin=interval[0] > 0.5
        )
        with speaking("zh"):
            said = report.headline(case)
        assert re.sub(r"ResNet-\d+|px", "", said) == re.sub(r"[A-Za-z]", "", re.sub(r"ResNet-\d+|px", "", said)), said
        seen.add(said)
    assert len(seen) == 7
