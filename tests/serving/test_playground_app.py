"""The playground's web application, without networks: what is taken, what is refused, and in which words."""

from __future__ import annotations

import threading

import pytest

testclient = pytest.importorskip("starlette.testclient")

from deepenough.errors import InputError  # noqa: E402
from deepenough.serving.playground.app import Limits, playground  # noqa: E402

FACTS = {"scales": [32, 64], "small": "resnet50", "big": "resnet101"}


def client_of(answer, **limits):
    return testclient.TestClient(playground(FACTS, answer, Limits(**limits)), base_url="http://127.0.0.1:8000")


def length(encoded):
    return {"bytes": len(encoded)}


def test_picture_is_answered_whole():
    response = client_of(length).post("/answer", content=b"x" * 70_000)
    assert (response.status_code, response.json()) == (200, {"bytes": 70_000})


def test_facts_come_with_the_limits():
    assert client_of(length, bytes=10).get("/facts").json() == {**FACTS, "limits": {"bytes": 10}}


@pytest.mark.parametrize("name", ["", "page.js", "kinds.js", "page.css"])
def test_page_is_served_with_a_policy_that_allows_no_other_source(name):
    response = client_of(length).get(f"/{name}")
    assert response.status_code == 200
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "http" not in response.text.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("path", ["/../pyproject.toml", "/%2e%2e/app.py", "/app.py", "/assets/page.html", "/answer"])
def test_no_other_address_is_served(path):
    assert client_of(length).get(path).status_code in (404, 405)


def test_picture_is_refused_when_it_says_it_is_too_large():
    response = client_of(length, bytes=2**20).post("/answer", content=b"x" * (2**20 + 1))
    assert response.status_code == 413
    assert response.json()["refused"] == "a picture may have 1 MB at most; send a smaller one"


def test_picture_is_refused_when_it_turns_out_too_large():
    taken = []

    def parts():
        for _ in range(50):
            taken.append(1)
            yield b"x" * 2**18

    response = client_of(length, bytes=2**20).post("/answer", content=parts())
    assert response.status_code == 413


def test_refusal_is_in_the_words_of_the_error_when_bytes_are_no_picture():
    def refuse(_encoded):
        raise InputError("the picture", "a JPEG", "text", "send another")

    response = client_of(refuse).post("/answer", content=b"hello")
    assert response.status_code == 422
    assert response.json()["refused"] == "the picture: expected a JPEG; got text; send another"


def test_request_is_refused_when_it_names_another_host():
    response = client_of(length).get("/facts", headers={"Host": "evil.example"})
    assert response.status_code == 400


def test_request_is_refused_when_another_page_sends_it():
    response = client_of(length).post("/answer", content=b"x", headers={"Origin": "http://evil.example"})
    assert response.status_code == 403
    assert "from this page only" in response.json()["refused"]


def test_request_is_taken_when_its_own_page_sends_it():
    response = client_of(length).post("/answer", content=b"x", headers={"Origin": "http://127.0.0.1:8000"})
    assert response.status_code == 200


def test_request_is_refused_when_too_many_wait():
    begun, go_on = threading.Event(), threading.Event()

    def slow(_encoded):
        begun.set()
        go_on.wait(20)
        return {}

    with client_of(slow, waiting=1) as client:
        codes = []
        first = threading.Thread(target=lambda: codes.append(client.post("/answer", content=b"x").status_code))
        first.start()
        assert begun.wait(20)
        second = client.post("/answer", content=b"x")
        go_on.set()
        first.join(20)
    assert second.status_code == 429
    assert codes == [200]


def test_bugs_are_not_taken_for_bad_pictures():
    def broken(_encoded):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        client_of(broken).post("/answer", content=b"x")
