"""Fetching URLs: off by default; where it is on, nothing on this machine or its network can be reached through it."""

from __future__ import annotations

import datetime
import socket
import ssl
import time

import pytest
from oddserver import BODY, serving

from auricle.service.config import Limits, ServiceConfig
from auricle.service.fetch import Network, fetch, is_public, resolve
from auricle.service.problems import ServiceError


@pytest.fixture(scope="module")
def server():
    with serving() as made:
        yield made


@pytest.fixture
def get(server):
    """Fetch a path of the server under a public name, with this machine's address let through."""
    server.seen.clear()

    def call(path, host="sounds.example", **more):
        limits = Limits(url_seconds=more.pop("seconds", 5.0), url_bytes=more.pop("most", 1 << 20))
        config = ServiceConfig(allow_urls=True, url_hosts=more.pop("hosts", (f"sounds.example:{server.server_port}",)), limits=limits)
        network = more.pop("network", Network(resolve=lambda *_: ["127.0.0.1"], allowed=lambda address: address == "127.0.0.1"))
        url = path if not path.startswith("/") else f"http://{host}:{server.server_port}{path}"
        return fetch(url, config, network)

    return call


def refusal(call):
    with pytest.raises(ServiceError) as caught:
        call()
    return caught.value


# -- off, and what it may reach --------------------------------------------------------------------------------------------------


def test_off_by_default(server):
    error = refusal(lambda: fetch(f"http://127.0.0.1:{server.server_port}/ok", ServiceConfig()))
    assert (error.status, error.code) == (403, "urls_off")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "0", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::]"]
)
def test_this_machine_is_refused(server, host):
    """With the real resolver, and the host on the list: only its address speaks against it."""
    server.seen.clear()
    port = server.server_port
    config = ServiceConfig(allow_urls=True, url_hosts=("*", f"{host}:{port}", f"127.0.0.1:{port}"))
    error = refusal(lambda: fetch(f"http://{host}:{port}/ok", config))
    assert error.code in ("url_refused", "url_failed"), host
    if host in ("127.0.0.1", "localhost", "[::1]"):
        assert (error.code, str(error)) == ("url_refused", "This URL may not be fetched. Its host is not on the public Internet.")
    assert not server.seen


PRIVATE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:8.8.8.8", "::ffff:127.0.0.1", "::127.0.0.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1", "100::1", "2001::1", "2001:0:5ef5:79fd::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1",
    "3fff::1", "fc00::1",
    "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2606:4700::5efe:7f00:1", "2606:4700::200:5efe:a00:1", "5f00::1",
    "4000::1",
    "", "localhost", "8.8.8.8.", "8.8.8", "08.8.8.8", "1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_public(address):
    assert not is_public(address)
    config = ServiceConfig(allow_urls=True, url_hosts=("*",))
    error = refusal(lambda: fetch("http://sounds.example/a.wav", config, Network(resolve=lambda *_: [address])))
    assert error.code == "url_refused"
    mixed = Network(resolve=lambda *_: ["93.184.215.14", address])
    assert refusal(lambda: fetch("http://sounds.example/a.wav", config, mixed)).code == "url_refused"


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450:4001::200e"]
)
def test_addresses_that_are_public(address):
    assert is_public(address)


def test_the_real_resolver():
    assert "127.0.0.1" in resolve("localhost", 80)


@pytest.mark.parametrize(
    "url",
    [
        "", "sounds.example", "//sounds.example/a", "file:///etc/passwd", "ftp://sounds.example/a", "gopher://sounds.example",
        "data:audio/wav;base64,AAAA",
        "http://", "http:///a", "http://user@sounds.example/", "http://user:pass@sounds.example/", "http://sounds.example@evil.example/",
        "http://evil.example#@sounds.example/", "http://evil.example\\@sounds.example/", "http://sounds.example\t/",
        "http://sounds.example/\r\nHost: a",
        " http://sounds.example/", "http://sounds.example:99999/", "http://sounds.example:x/", "http://sounds.example:22/",
        "https://sounds.example:80/",
        "http://sounds.example.evil.example/", "http://evilsounds.example/", "http://other.example/", "http://127.0.0.1/",
        "http://[::1]/", "http://[/",
        "http://sounds%2eexample/", "http://söunds.example/", "http://sounds..example/", "http://-a.example/",
        "http://sounds.example/" + "a" * 3000,
        "http://[fe80::1%25lo]/", "http://[v1.a]/",
    ],
)  # fmt: skip
def test_urls_that_are_not_looked_at(url):
    def never(*_):
        raise AssertionError("it was resolved")

    config = ServiceConfig(allow_urls=True, url_hosts=("sounds.example", "*.sound.example"))
    error = refusal(lambda: fetch(url, config, Network(resolve=never)))
    assert (error.status, error.code) == (422, "url_refused")


@pytest.mark.parametrize(
    ("url", "hosts", "fits"),
    [
        ("http://a.example/", ("a.example",), True), ("http://A.Example./", ("a.example",), True),
        ("https://a.example:443/", ("a.example",), True),
        ("http://a.example:8080/", ("a.example",), False), ("http://a.example:8080/", ("a.example:8080",), True),
        ("http://a.example/", ("a.example:8080",), False),
        ("http://b.a.example/", ("a.example",), False), ("http://b.a.example/", ("*.a.example",), True),
        ("http://a.example/", ("*.a.example",), False),
        ("http://ba.example/", ("*.a.example",), False), ("http://any.example/", ("*",), True), ("http://any.example:81/", ("*",), False),
    ],
)  # fmt: skip
def test_the_list_of_hosts(url, hosts, fits):
    """What fits is resolved; 10.0.0.1 is then refused."""
    resolved = []
    network = Network(resolve=lambda host, port: resolved.append((host, port)) or ["10.0.0.1"])
    refusal(lambda: fetch(url, ServiceConfig(allow_urls=True, url_hosts=hosts), network))
    assert bool(resolved) is fits


# -- what it gives ---------------------------------------------------------------------------------------------------------------


def test_it_gives_the_bytes(get, server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    given = get("/ok/a.wav?x=1#part")
    assert (given.data, given.content_type) == (BODY, "audio/wav")
    ((path, headers),) = server.seen
    assert path == "/ok/a.wav?x=1"
    assert headers["Host"] == f"sounds.example:{server.server_port}"
    assert headers["Accept-Encoding"] == "identity"
    assert not {"Cookie", "Authorization", "Referer"} & set(headers)
    assert get("/chunked/whole").data == b"hello"


def test_it_connects_to_the_address_that_was_checked(get):
    """A name that means another address the second time (DNS re-binding) is asked for once."""
    asked = []

    def once(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    assert get("/ok", network=Network(resolve=once, allowed=lambda a: a == "127.0.0.1")).data == BODY
    assert asked == ["sounds.example"]


def test_the_next_address_is_tried(get):
    network = Network(resolve=lambda *_: ["127.0.0.9", "127.0.0.1"], allowed=lambda _: True)
    assert get("/ok", network=network).data == BODY


# -- redirects -------------------------------------------------------------------------------------------------------------------


def test_redirects_within_bounds(get, server):
    assert get("/again/3").data == BODY
    assert [path for path, _ in server.seen] == ["/again/3", "/again/2", "/again/1", "/ok"]
    assert refusal(lambda: get("/again/4")).code == "url_failed"
    assert refusal(lambda: get("/nowhere")).code == "url_failed"


@pytest.mark.parametrize(
    "to",
    [
        "http://other.example/",
        "http://127.0.0.1/",
        "file:///etc/passwd",
        "http://u:p@sounds.example/",
        "//evil.example/",
        "http://[",
        "http://sounds.example:22/",
    ],
)
def test_every_step_of_a_redirect_is_checked(get, server, to):
    assert refusal(lambda: get(f"/to/{to}")).code in ("url_refused", "url_failed")
    assert len(server.seen) == 1


def test_a_redirect_into_this_network_is_refused(get, server):
    """The second name is on the list and resolves to a private address."""
    names = {"sounds.example": ["127.0.0.1"], "inside.example": ["10.0.0.1"]}
    network = Network(resolve=lambda host, _: names[host], allowed=lambda address: address == "127.0.0.1")
    hosts = (f"sounds.example:{server.server_port}", f"inside.example:{server.server_port}")
    error = refusal(lambda: get(f"/to/http://inside.example:{server.server_port}/", hosts=hosts, network=network))
    assert error.code == "url_refused"
    assert "10.0.0.1" not in str(error) + error.hint


# -- servers that misbehave ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/status/404", "url_failed"), ("/status/206", "url_failed"), ("/status/500", "url_failed"), ("/promise/99999", "url_failed"),
        ("/promise/999999999999", "url_too_large"), ("/endless", "url_too_large"), ("/chunked/cut", "url_failed"),
        ("/packed", "url_failed"),
        ("/garbage", "url_failed"),
    ],
)  # fmt: skip
def test_answers_that_are_none(get, path, code):
    assert refusal(lambda: get(path)).code == code


@pytest.mark.parametrize("path", ["/drip", "/headers", "/continue"])
def test_a_server_that_drips_is_left_in_time(get, path):
    began = time.monotonic()
    error = refusal(lambda: get(path, seconds=0.5))
    assert (error.status, error.code, error.retryable) == (504, "url_timeout", True)
    assert time.monotonic() - began < 2


def test_a_server_that_says_nothing_is_left_in_time(get, server):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        for scheme in ("http", "https"):
            began = time.monotonic()
            error = refusal(lambda scheme=scheme: get(f"{scheme}://sounds.example:{port}/", hosts=(f"sounds.example:{port}",), seconds=0.4))
            assert error.code == "url_timeout"
            assert time.monotonic() - began < 2


def test_a_resolver_that_hangs_is_left_in_time(get):
    slow = Network(resolve=lambda *_: time.sleep(3) or ["127.0.0.1"])
    began = time.monotonic()
    assert refusal(lambda: get("/ok", network=slow, seconds=0.3)).code == "url_timeout"
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("answer", [OSError("no such host"), UnicodeError("label too long"), []])
def test_names_that_are_not_known(get, answer):
    def unknown(*_):
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert refusal(lambda: get("/ok", network=Network(resolve=unknown))).code == "url_failed"


def test_nobody_listens(get):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert refusal(lambda: get(f"http://sounds.example:{port}/", hosts=(f"sounds.example:{port}",))).code == "url_failed"


# -- TLS -------------------------------------------------------------------------------------------------------------------------


def certificate(folder, name):
    """A certificate of a name, signed by itself."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / f"{name}.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_tls_is_of_the_name_not_of_the_address(tmp_path, get):
    path = certificate(tmp_path, "sounds.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    names = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with serving(context) as secure:
        port = secure.server_port
        hosts = (f"sounds.example:{port}", f"other.example:{port}")
        trusting = Network(lambda *_: ["127.0.0.1"], lambda _: True, lambda: ssl.create_default_context(cafile=str(path)))
        assert get(f"https://sounds.example:{port}/ok", hosts=hosts, network=trusting).data == BODY
        assert names == ["sounds.example"]
        for host, network in (("other.example", trusting), ("sounds.example", Network(lambda *_: ["127.0.0.1"], lambda _: True))):
            error = refusal(lambda host=host, network=network: get(f"https://{host}:{port}/ok", hosts=hosts, network=network))
            assert str(error) == "The URL could not be fetched. Its certificate is not valid."
        down = refusal(lambda: get(f"https://sounds.example:{port}/to/http://sounds.example:{port}/ok", hosts=hosts, network=trusting))
        assert down.code == "url_refused"
        assert len(secure.seen) == 2
