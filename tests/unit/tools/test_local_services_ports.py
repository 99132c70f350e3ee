from __future__ import annotations

import errno
import http.client
import socket

import pytest

from local_services import net, weed
from local_services.registry import Registry
from local_services.settings import read


@pytest.fixture
def taken():
    with socket.socket() as server:
        server.bind((net.LOOPBACK, 0))
        server.listen()
        yield server.getsockname()[1]


def test_port_is_free_until_somebody_listens(taken):
    assert not net.is_free(taken)
    assert net.is_free(net.free_port(avoid={taken}))


def test_all_ports_differ_and_the_last_ones_are_kept():
    first = weed.choose_ports(0, {})
    assert len(set(first.values())) == len(weed.SIDE_PORTS) + 1
    assert weed.choose_ports(None, first) == first


def test_taken_ports_are_replaced_one_by_one(taken):
    first = weed.choose_ports(0, {})
    second = weed.choose_ports(taken, first | {"filer.port": taken})
    assert second["s3.port"] == first["s3.port"]
    assert second["filer.port"] not in {taken, *first.values()}
    assert second | {"filer.port": 0} == first | {"filer.port": 0}


def test_command_line_holds_no_secret(tmp_path, monkeypatch):
    monkeypatch.setattr(weed, "binary", lambda: "weed")
    secret = weed.keys(tmp_path / "keys.json")
    line = " ".join(weed.command(tmp_path, weed.choose_ports(0, {})))
    assert not any(value in line for value in secret.values())
    assert "-ip.bind=127.0.0.1" in line
    assert weed.keys(tmp_path / "keys.json") == secret


@pytest.mark.parametrize(
    ("env", "address", "elsewhere"),
    [
        ({}, "localhost:5000", False),
        ({"ISSUESUM_REGISTRY_PORT": "5055"}, "localhost:5055", False),
        ({"ISSUESUM_REGISTRY": "localhost:5000"}, "localhost:5000", False),
        ({"ISSUESUM_REGISTRY": "localhost:6001"}, "localhost:6001", False),
        ({"ISSUESUM_REGISTRY": "reg.invalid:5000"}, "reg.invalid:5000", True),
    ],
)
def test_registry_address(tmp_path, env, address, elsewhere):
    (tmp_path / "registry").mkdir()
    (tmp_path / "registry" / "address.json").write_text('{"port": 6001}')
    registry = Registry(read(env | {"ISSUESUM_STATE": str(tmp_path)}))
    assert registry.address == address
    assert bool(registry.elsewhere) == elsewhere


def test_nobody_listening_is_no_answer():
    port = net.free_port(avoid=set())
    assert not net.connects(net.LOOPBACK, port)
    assert net.registry_answer(port) is None


def test_localhost_without_ipv6_is_no_answer(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

    monkeypatch.setattr(socket, "create_connection", refuse)
    assert net.registry_answer(5000) is None


def test_listener_that_is_no_http_server_is_told(taken, monkeypatch):
    monkeypatch.setattr(http.client.HTTPConnection, "getresponse", lambda _: garbage())

    def garbage():
        raise http.client.BadStatusLine("SSH-2.0")

    assert net.registry_answer(taken) == "no HTTP answer (BadStatusLine)"
