"""Where public weights come from: the table against its sources, this machine's folders, and a server that is ours."""

from __future__ import annotations

import hashlib
import http.server
import socket
import threading
import time

import pytest
import timm
import torchvision

from deepenough.errors import WeightsError
from deepenough.networks import origins
from deepenough.networks.catalogue import entry
from deepenough.networks.family import ENTRIES
from deepenough.networks.public import RECIPES, Preparation, Public

PUBLIC = {(each.name, w.origin): w for each in ENTRIES if each.published for w in origins.public_weights(each).values()}
TORCHVISION = [key for key in PUBLIC if key[1].startswith("torchvision:")]
TIMM = [key for key in PUBLIC if key[1].startswith("timm:")]


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    """An empty folder of weights, and a network that nobody has declared away."""
    monkeypatch.setenv("DEEPENOUGH_WEIGHTS", str(tmp_path / "own"))
    monkeypatch.delenv("HF_HUB_OFFLINE")
    return tmp_path / "own"


@pytest.mark.parametrize("key", TORCHVISION, ids=" ".join)
def test_torchvisions_files_and_preparations_are_what_torchvision_states(key):
    name, origin = key
    theirs = torchvision.models.get_model_weights(name)[origin.partition(":")[2]]
    ours, transforms = PUBLIC[key], theirs.transforms()
    assert ours.url == theirs.url
    assert ours.file == theirs.url.rpartition("/")[2]
    assert f"-{ours.digest}." in ours.file
    assert (list(ours.preparation.mean), list(ours.preparation.std)) == (transforms.mean, transforms.std)
    assert ours.preparation.interpolation == transforms.interpolation.value
    assert [round(224 / ours.preparation.crop)] == transforms.resize_size
    assert [ours.preparation.side] == transforms.crop_size


@pytest.mark.parametrize("key", TIMM, ids=" ".join)
def test_timms_files_and_preparations_are_what_timm_states(key):
    ours = PUBLIC[key]
    theirs = timm.get_pretrained_cfg(key[1].partition(":")[2])
    assert ours.url == f"https://huggingface.co/{theirs.hf_hub_id}/resolve/main/model.safetensors"
    own = ours.preparation
    assert (own.mean, own.std, own.interpolation, own.crop) == (
        theirs.mean,
        theirs.std,
        theirs.interpolation,
        theirs.crop_pct,
    )
    assert own.side == theirs.input_size[1]


def test_every_published_accuracy_belongs_to_weights_that_can_be_named():
    assert len(PUBLIC) == 4 + 17
    assert {w.recipe for w in PUBLIC.values()} - set(RECIPES) == {"timm:ra2_in1k"}  # of one depth alone


def test_networks_whose_stages_are_plain_start_from_the_plain_networks_weights():
    plain = origins.public_weights(entry("resnet50"))
    assert plain["timm:a1_in1k"].origin == "timm:resnet50.a1_in1k"
    for name in ("resnet50-fpn", "resnet50-concat", "resnet50+pooling=gem", "resnet50+drop_path=0.1"):
        assert origins.public_weights(entry(name)) == plain
    for name in ("resnet50-small", "blresnet50", "resnetblur50", "resnet50+width=0.5"):
        assert not origins.public_weights(entry(name))


def test_public_weights_are_named_in_full_or_by_recipe_and_others_are_refused_with_a_list():
    for origin in ("timm:resnet101.a1_in1k", "timm:a1_in1k"):
        assert origins.named_public(entry("resnet101"), origin).file == "resnet101.a1_in1k.safetensors"
    with pytest.raises(WeightsError, match=r"weights: resnet50: .*timm:resnet50.a1_in1k.*; got timm:resnet101.a1_in1k"):
        origins.named_public(entry("resnet50"), "timm:resnet101.a1_in1k")
    with pytest.raises(WeightsError, match="weights: blresnet50: expected a file: none are public for it"):
        origins.named_public(entry("blresnet50"), "torchvision:IMAGENET1K_V2")


def test_copies_are_found_in_the_declared_folder_in_torchs_cache_and_in_the_hubs(monkeypatch, tmp_path, own_folder):
    vision, hub = (PUBLIC["resnet50", o] for o in ("torchvision:IMAGENET1K_V2", "timm:resnet50.a1_in1k"))
    assert origins.find(vision) is None
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    snapshot = tmp_path / "hf" / "hub" / "models--timm--resnet50.a1_in1k" / "snapshots" / "abc" / "model.safetensors"
    cached = tmp_path / "torch" / "hub" / "checkpoints" / "resnet50-11ad3fa6.pth"
    declared = own_folder / "resnet50-11ad3fa6.pth"
    for path in (snapshot, cached):
        path.parent.mkdir(parents=True)
        path.touch()
    assert (origins.find(vision), origins.find(hub)) == (cached, snapshot)
    declared.parent.mkdir()
    declared.touch()
    assert origins.find(vision) == declared


@pytest.fixture
def server():
    """A server on this machine that gives `content`, and what it was asked."""

    class Handler(http.server.BaseHTTPRequestHandler):
        content, announced = b"weights", None

        def do_HEAD(self):
            self.send_response(200)
            self.send_header("Content-Length", str(self.announced or len(self.content)))
            self.end_headers()

        def do_GET(self):
            self.do_HEAD()
            self.wfile.write(self.content)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        Handler.url = f"http://127.0.0.1:{running.server_port}/file"
        yield Handler
        running.shutdown()


def at(url, digest=""):
    return Public(origin="timm:x.y", url=url, file="x.y.safetensors", digest=digest, preparation=Preparation())


def test_fetched_file_is_the_servers_and_lies_where_copies_are_looked_for(server, own_folder):
    weights = at(server.url, hashlib.sha256(b"weights").hexdigest()[:8])
    origins.require_reachable(weights, "weights: x")
    assert origins.fetch(weights) == origins.find(weights) == own_folder / "x.y.safetensors"
    assert (own_folder / "x.y.safetensors").read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("announced", "digest", "said"), [(99, "", "7 of 99 bytes came"), (None, "0123", "instead of 0123")]
)
def test_torn_or_foreign_download_is_refused_and_leaves_no_file(server, own_folder, announced, digest, said):
    server.announced = announced
    with pytest.raises(WeightsError, match=said) as caught:
        origins.fetch(at(server.url, digest))
    assert f"put {server.url} at {own_folder / 'x.y.safetensors'}" in str(caught.value)
    assert list(own_folder.iterdir()) == []


def test_silent_server_a_closed_port_and_a_declared_absence_are_known_in_under_two_seconds(monkeypatch, server):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dead = [at(f"http://127.0.0.1:{silent.getsockname()[1]}/"), at("http://127.0.0.1:9/")]
        began = time.monotonic()
        assert origins.reachable([*dead, at(server.url)]) == [at(server.url)]
        with pytest.raises(WeightsError, match=r"no copy, and no answer from 127\.0\.0\.1:9"):
            origins.require_reachable(dead[1], "weights: x")
        assert time.monotonic() - began < 2
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsError, match="no copy, and HF_HUB_OFFLINE is set; put http"):
        origins.require_reachable(at(server.url), "weights: x")
