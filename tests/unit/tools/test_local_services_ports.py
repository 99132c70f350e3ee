"""Ports of the servers, and who answers on them."""

from __future__ import annotations

import errno
import http.client
import socket

import pytest

from local_services import common, registry, s3, settings
from local_services.common import LOOPBACK
from local_services.registry import Registry


@pytest.fixture
def taken():
    with socket.socket() as server:
        server.bind((LOOPBACK, 0))
        server.listen()
        yield server.getsockname()[1]


def test_port_is_free_until_somebody_listens(taken):
    assert not common.is_free(taken)
    assert common.is_free(common.free_port(avoid={taken}))


def test_all_ports_differ_and_the_last_ones_are_kept():
    first = s3.choose_ports(0, {})
    assert len(set(first.values())) == len(s3.SIDE_PORTS) + 1
    assert s3.choose_ports(None, first) == first


def test_taken_ports_are_replaced_one_by_one(taken):
    first = s3.choose_ports(0, {})
    second = s3.choose_ports(taken, first | {"filer.port": taken})
    assert second["s3.port"] == first["s3.port"]
    assert second["filer.port"] not in {taken, *first.values()}
    assert second | {"filer.port": 0} == first | {"filer.port": 0}


def test_command_line_holds_no_secret(tmp_path, monkeypatch):
    monkeypatch.setattr(s3.shutil, "which", lambda _: "weed")
    secret = s3.keys(tmp_path / "keys.json")
    line = " ".join(s3.command(tmp_path, s3.choose_ports(0, {})))
    assert not any(value in line for value in secret.values())
    assert "-ip.bind=127.0.0.1" in line
    assert s3.keys(tmp_path / "keys.json") == secret


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
    found = Registry(settings.read(env | {"ISSUESUM_STATE": str(tmp_path)}))
    assert found.address == address
    assert bool(found.elsewhere) == elsewhere


def test_nobody_listening_is_no_answer():
    port = common.free_port(avoid=set())
    assert not common.connects(LOOPBACK, port)
    assert registry.answer(port) is None


def test_localhost_without_ipv6_is_no_answer(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

    monkeypatch.setattr(socket, "create_connection", refuse)
    assert registry.answer(5000) is None


def test_listener_that_is_no_http_server_is_reported(taken, monkeypatch):
    monkeypatch.setattr(http.client.HTTPConnection, "getresponse", lambda _: garbage())

    def garbage():
        raise http.client.BadStatusLine("SSH-2.0")

    assert registry.answer(taken) == "no HTTP answer (BadStatusLine)"


def test_a_registry_at_any_port_takes_a_free_one_when_it_starts(taken, tmp_path, monkeypatch):
    (tmp_path / "registry").mkdir()
    (tmp_path / "registry" / "address.json").write_text(f'{{"port": {taken}}}')
    env = {"ISSUESUM_REGISTRY_PORT": "0", "ISSUESUM_STATE": str(tmp_path)}
    one = Registry(settings.read(env))
    started = []
    monkeypatch.setattr(Registry, "_start", lambda self: started.append(self.port))
    monkeypatch.setattr(Registry, "_wait", lambda _: None)
    assert one.up().up
    assert started == [one.port]
    assert one.port not in {0, taken}
    assert one.exports() == {"ISSUESUM_REGISTRY": f"localhost:{one.port}"}
