"""The server gives page and tags to its own page only, stores what is tags, and refuses everything else."""

import contextlib
import http.client
import json
import threading

import pytest

from torchladder.core.errors import UsageError
from torchladder.mistakes import tags as stored
from torchladder.mistakes.serve import Server

TAGS = {"schema": 1, "tags": ["blurred"], "mistakes": {"a": ["blurred"], "b": []}}


@contextlib.contextmanager
def running(folder):
    with Server("<p>page</p>", stored.empty(texts=False), folder / "tags.json") as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server, method, path, body=None, **headers):
    """Return the status and the body of an answer."""
    link = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    link.request(method, path, body, headers)
    answer = link.getresponse()
    found = answer.status, answer.read()
    link.close()
    return found


def test_page_and_tags_over_the_token(tmp_path):
    """The page, the tags at the start, and the tags that were sent; they lie whole on the disk."""
    with running(tmp_path) as server:
        assert ask(server, "GET", f"/{server.token}/") == (200, b"<p>page</p>")
        assert json.loads(ask(server, "GET", f"/{server.token}/tags")[1])["mistakes"] == {}
        assert ask(server, "POST", f"/{server.token}/tags", json.dumps(TAGS))[0] == 204
        assert json.loads(ask(server, "GET", f"/{server.token}/tags")[1]) == TAGS
    assert stored.read(tmp_path / "tags.json") == TAGS
    assert [p.name for p in tmp_path.iterdir()] == ["tags.json"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/", {}, 404),
        ("GET", "/wrong-token/", {}, 404),
        ("GET", "/{token}/../../etc/passwd", {}, 404),
        ("POST", "/wrong-token/tags", {}, 404),
        ("POST", "/{token}/", {}, 404),
        ("GET", "/{token}/", {"Host": "evil.example"}, 403),
        ("POST", "/{token}/tags", {"Origin": "http://evil.example"}, 403),
        ("POST", "/{token}/tags", {"Content-Length": "999999999"}, 413),
        ("POST", "/{token}/tags", {"Content-Length": "-1"}, 411),
        ("DELETE", "/{token}/tags", {}, 501),
    ],
)
def test_anything_else_is_refused(tmp_path, method, path, headers, status):
    """No token, another host's name, another origin, too much."""
    with running(tmp_path) as server:
        assert ask(server, method, path.format(token=server.token), "{}", **headers)[0] == status
    assert not (tmp_path / "tags.json").exists()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{",
        '{"schema": 2, "tags": [], "mistakes": {}}',
        '{"schema": 1, "tags": "a", "mistakes": {}}',
        '{"schema": 1, "tags": ["a"], "mistakes": {"x": ["b"]}}',
        '{"schema": 1, "tags": [1], "mistakes": {}}',
        '{"schema": 1, "tags": [""], "mistakes": {}}',
        '{"schema": 1, "tags": [], "mistakes": []}',
    ],
)
def test_what_is_no_tags_is_not_stored(tmp_path, body):
    """Whatever is sent, the file stays as it was."""
    stored.write(tmp_path / "tags.json", TAGS)
    with running(tmp_path) as server:
        assert ask(server, "POST", f"/{server.token}/tags", body)[0] == 400
    assert stored.read(tmp_path / "tags.json") == TAGS


def test_it_listens_on_this_machine_only(tmp_path):
    """The address is the loopback one, the token long and new each time."""
    with running(tmp_path) as first, running(tmp_path) as second:
        assert first.server_address[0] == "127.0.0.1"
        assert len(first.token) >= 32
        assert first.token != second.token


def test_stored_tags_that_are_none_get_a_sentence(tmp_path):
    """A file of something else is refused."""
    (tmp_path / "tags.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match="no file of tags"):
        stored.read(tmp_path / "tags.json")


def test_pareto():
    """Shares are of what was looked at; a mistake may have several tags."""
    tags = {"schema": 1, "tags": ["a", "b"], "mistakes": {"1": ["a", "b"], "2": ["a"], "3": [], "old": ["a"]}}
    found = stored.pareto(tags, ["1", "2", "3", "4"], mistakes=40, samples=400)

    assert [(r["tag"], r["count"], r["share"]) for r in found["pareto"]] == [("a", 3, 0.75), ("b", 1, 0.25)]
    assert found["pareto"][0]["gives_back"] == pytest.approx(0.075)
    assert (found["tagged"], found["drawn"], found["of_other_draws"]) == (4, 4, 1)
