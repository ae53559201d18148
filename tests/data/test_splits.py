from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
import pytest

from deepenough.data.splits import assign, assign_together

FRACTIONS = {"train": 0.7, "val": 0.15, "test": 0.15}


def ids(count: int, prefix: str = "") -> list[str]:
    return [hashlib.sha256(f"{prefix}{number}".encode()).hexdigest()[:32] for number in range(count)]


def test_assignment_is_stratified_to_within_one_sample():
    sizes = {"a": 200, "b": 40, "c": 7, "d": 3}
    targets = [name for name, size in sizes.items() for _ in range(size)]
    splits = assign(ids(250), targets, [None] * 250, FRACTIONS, seed=0)
    counts = Counter(zip(targets, splits, strict=True))
    for name, size in sizes.items():
        for split, share in FRACTIONS.items():
            assert counts[name, split] >= 1
            assert abs(counts[name, split] - size * share) <= 2
    assert counts["a", "test"] == 30


def test_assignment_does_not_depend_on_the_order_of_the_samples():
    names, targets = ids(100), ["x", "y"] * 50
    splits = assign(names, targets, [None] * 100, FRACTIONS, seed=3)
    shuffled = np.random.default_rng(0).permutation(100)
    again = assign([names[i] for i in shuffled], [targets[i] for i in shuffled], [None] * 100, FRACTIONS, seed=3)
    assert again == [splits[i] for i in shuffled]


def test_assignment_changes_with_the_seed_and_with_nothing_else():
    names, targets, groups = ids(60), ["x"] * 60, [None] * 60
    once = assign(names, targets, groups, FRACTIONS, seed=1)
    assert once == assign(names, targets, groups, FRACTIONS, seed=1)
    assert once != assign(names, targets, groups, FRACTIONS, seed=2)


def test_assignment_of_one_class_does_not_move_when_another_grows():
    few = assign(ids(20), ["x"] * 20, [None] * 20, FRACTIONS, seed=0)
    more = assign([*ids(20), *ids(30, "y")], ["x"] * 20 + ["y"] * 30, [None] * 50, FRACTIONS, seed=0)
    assert more[:20] == few


@pytest.mark.parametrize("seed", range(5))
def test_a_group_is_never_divided_and_shares_come_near(seed):
    rng = np.random.default_rng(seed)
    groups = [f"patient{number}" for number in rng.integers(0, 80, 600)]
    targets = [("ill", "well")[int(group[7:]) % 2] for group in groups]
    splits = assign(ids(600), targets, groups, FRACTIONS, seed=seed)
    where = {}
    for group, split in zip(groups, splits, strict=True):
        assert where.setdefault(group, split) == split
    counts = Counter(zip(targets, splits, strict=True))
    for target in ("ill", "well"):
        for split, share in FRACTIONS.items():
            assert abs(counts[target, split] / targets.count(target) - share) < 0.06


def test_samples_without_a_group_stand_for_themselves_beside_groups():
    groups = ["g"] * 10 + [None] * 30
    splits = assign(ids(40), ["x"] * 40, groups, FRACTIONS, seed=0)
    assert len(set(splits[:10])) == 1
    assert set(splits[10:]) == {"train", "val", "test"}


def test_groups_are_dealt_by_content_and_not_by_their_names():
    groups = [f"g{number // 5}" for number in range(100)]
    renamed = [f"other{99 - number // 5}" for number in range(100)]
    targets = ["x"] * 100
    assert assign(ids(100), targets, groups, FRACTIONS, seed=0) == assign(ids(100), targets, renamed, FRACTIONS, seed=0)


def test_a_class_with_one_sample_stays_in_the_first_split():
    assert assign(ids(1), ["x"], [None], {"train": 0.85, "val": 0.15}, seed=0) == ["train"]


def test_without_ties_samples_are_dealt_as_by_class():
    targets = ["x"] * 50 + ["y"] * 7
    dealt = assign_together(ids(57), targets, [], FRACTIONS, seed=4)
    assert dealt.splits == assign(ids(57), targets, [None] * 57, FRACTIONS, seed=4)
    assert (dealt.sets, dealt.loose) == ([], [])


@pytest.mark.parametrize("seed", range(5))
def test_tied_samples_share_a_split_and_shares_are_kept(seed):
    rng = np.random.default_rng(seed)
    targets = [("x", "y", "z")[place % 3] for place in range(600)]
    chains = rng.permutation(600)[:150].reshape(50, 3)  # across classes as well, each joined by way of the middle one
    ties = [tie for one, middle, last in chains.tolist() for tie in ((one, middle), (last, middle))]
    dealt = assign_together(ids(600), targets, ties, FRACTIONS, seed=seed)
    assert sorted(map(sorted, dealt.sets)) == sorted(sorted(chain) for chain in chains.tolist())
    assert all(len({dealt.splits[place] for place in members}) == 1 for members in dealt.sets)
    assert dealt.loose == []
    assert set(Counter(zip(targets, dealt.splits, strict=True)).values()) == {140, 30}


def test_tied_samples_go_to_each_split_by_its_share():
    ties = [(place, place + 1) for place in range(0, 4000, 2)]
    dealt = assign_together(ids(10_000), ["x"] * 10_000, ties, FRACTIONS, seed=0)
    shares = {split: sum(dealt.splits[one] == split for one, _ in ties) / len(ties) for split in FRACTIONS}
    assert shares == pytest.approx(FRACTIONS, abs=0.03)  # three standard deviations of a draw of 2,000


def test_a_set_too_large_for_the_other_splits_is_trained_on():
    film = [(0, place) for place in range(1, 500)]
    dealt = assign_together(ids(1000), ["x"] * 1000, film, FRACTIONS, seed=0)
    assert set(dealt.splits[:500]) == {"train"}
    assert Counter(dealt.splits) == {"train": 700, "val": 150, "test": 150}


@pytest.mark.parametrize("frames", [900, 1000])
def test_a_film_that_would_leave_no_test_pictures_is_taken_apart(frames):
    targets = ["film"] * 1000 + ["photo"] * 100
    film = [(place, place + 1) for place in range(frames - 1)]
    dealt = assign_together(ids(1100), targets, [*film, (1000, 1001)], FRACTIONS, seed=0)
    assert dealt.loose == ["film"]
    assert dealt.sets == [[1000, 1001]]
    counts = Counter(zip(targets, dealt.splits, strict=True))
    assert [counts["film", split] for split in FRACTIONS] == [700, 150, 150]
    assert dealt.splits[1000] == dealt.splits[1001]


@pytest.mark.parametrize("count", [3, 4, 5])
def test_a_small_class_of_copies_still_has_a_sample_in_every_split(count):
    ties = [(place, place + 1) for place in range(count - 1)]
    dealt = assign_together(ids(count + 30), ["x"] * count + ["y"] * 30, ties, FRACTIONS, seed=0)
    assert set(dealt.splits[:count]) == set(FRACTIONS)
    assert dealt.loose == ["x"]
