"""Work handed to a cluster: how much at a time, and what becomes of it when the driver fails; on a cluster of paper."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from deepenough.errors import StudyError
from deepenough.studies.ray_cluster import Crew

ray_exceptions = pytest.importorskip("ray.exceptions", reason="pip install ray")
NODES = [{"CPU": 4.0, "memory": 9.0}, {"CPU": 1.0, "memory": 30.0}, {"GPU": 1.0}]


class PaperRay:
    """Ray's calls that a crew makes; a task is done when it is waited for, the oldest first."""

    exceptions = ray_exceptions
    util = SimpleNamespace(scheduling_strategies=SimpleNamespace(NodeAffinitySchedulingStrategy=lambda *_, **__: None))

    def __init__(self, nodes=NODES):
        self.resources, self.most, self.under_way, self.relay = nodes, 0, 0, None

    def nodes(self):
        return [{"Alive": True, "Resources": each} for each in self.resources] + [{"Alive": False, "Resources": {}}]

    def get_runtime_context(self):
        return SimpleNamespace(get_node_id=lambda: "here")

    def remote(self, **_asked):
        def of(thing):
            if isinstance(thing, type):
                self.relay = thing()
                return SimpleNamespace(remote=lambda: _Actor(self.relay))
            return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=self._begun))

        return of

    def _begun(self, _folder, function, *given):
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        return _Task(lambda: function(*given))

    def put(self, thing):
        return thing

    def get(self, reference):
        return reference() if isinstance(reference, _Task) else reference

    def wait(self, references, num_returns=1, timeout=None):
        self.under_way -= num_returns
        return references[:num_returns], references[num_returns:]


class _Task:
    def __init__(self, call):
        self._call = call

    def __call__(self):
        return self._call()


class _Actor:
    def __init__(self, thing):
        self._thing = thing

    def __getattr__(self, name):
        return SimpleNamespace(remote=getattr(self._thing, name))


@pytest.fixture
def bench_of(told):
    def make(**machine):
        machine = SimpleNamespace(**{"threads": 1, "device": "cpu", **machine})
        return SimpleNamespace(listener=told(), check_stop=lambda: None, setting=SimpleNamespace(machine=machine))

    return make


def squared(shared, work, relay):
    return shared + work**2


@pytest.mark.parametrize(
    ("machine", "room"),
    [({"threads": 1}, 5), ({"threads": 2}, 2), ({"threads": 8}, 0), ({"threads": 0, "device": "cuda"}, 1)],
)
def test_room_is_what_nodes_that_live_hold(bench_of, machine, room):
    assert Crew(PaperRay(), bench_of(**machine)).room() == room


def test_memory_that_is_foretold_takes_room_and_too_little_is_refused(bench_of):
    assert Crew(PaperRay(), bench_of(), 4).room() == 3  # two by 9 bytes, one by its processor
    assert Crew(PaperRay(), bench_of(threads=0, device="cuda"), 40).room() == 1  # bytes of a GPU, not of its node
    with pytest.raises(StudyError, match="40 bytes of memory; got at most 4 processors, 30 bytes of memory"):
        Crew(PaperRay(), bench_of(), 40).require_room()


def test_all_work_is_handed_over_at_once_or_only_as_nodes_have_room(bench_of):
    for ahead, most in ((True, 12), (False, 5)):
        ray, given, ended = PaperRay(), [], []

        def works(given=given):
            for number in range(12):
                given.append(number)
                yield number

        def done(work, found, ended=ended, given=given, ahead=ahead):
            assert ahead or len(given) <= len(ended) + 5  # what is drawn next knows of all that ended before
            ended.append((work, found))

        Crew(ray, bench_of()).run(squared, 100, works(), done, ahead=ahead)
        assert ended == [(number, 100 + number**2) for number in range(12)]
        assert ray.most == most


def test_an_error_while_work_is_drawn_stops_the_workers_and_is_raised(bench_of):
    ray = PaperRay()

    def works():
        yield 1
        raise StudyError("tune", "a network within the budget", "none", "allow more")

    with pytest.raises(StudyError, match="a network within the budget"):
        Crew(ray, bench_of()).run(squared, 0, works(), lambda *_: None, ahead=False)
    assert ray.relay.tell([]) is True  # workers hear that they are to stop
    assert ray.under_way == 0  # and were waited for
