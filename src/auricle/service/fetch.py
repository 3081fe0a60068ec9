"""The only place that opens a URL which somebody gave. Off, unless the server was started with hosts from which to fetch.

A name is resolved once; the connection goes to the address that was looked at, not to what the name means a moment later.
Every step of a redirect is a new URL and passes all checks again. No proxy, no cookies, no credentials, and no second try.
"""

from __future__ import annotations

import http.client
import ipaddress
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

from auricle.service.config import ServiceConfig, split_host
from auricle.service.problems import ServiceError

MOST_REDIRECTS = 3
LONGEST_URL = 2000
READ_SECONDS = 10.0  # without a byte
PIECE = 1 << 16
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?!-)[A-Za-z0-9-]+(?:\.(?!-)[A-Za-z0-9-]+)*")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

# Beyond what `ipaddress` of every supported Python calls private. Only 2000::/3 is in use on the IPv6 Internet; that leaves
# out mapped IPv4 (::ffff:0:0/96), NAT64 (64:ff9b::/96), unique local and link-local addresses without naming them.
_NOT_PUBLIC_4 = [
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
]  # fmt: skip
_PUBLIC_6 = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_6 = [  # IETF protocols with Teredo and ORCHID, documentation, 6to4
    ipaddress.IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
]
_ISATAP = (0x00005EFE, 0x02005EFE)  # an IPv4 address in the last half of an IPv6 one


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a URL gave; ``content_type`` as its server claims, in lower case, "" without one."""

    data: bytes
    content_type: str
    url: str


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a name, in the order in which to try them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))


def is_public(address: str) -> bool:
    """Whether an address is one machine on the public Internet."""
    try:
        ip = ipaddress.ip_address(address)  # "fe80::1%eth0" is one too, and not in 2000::/3
    except ValueError:
        return False
    if not ip.is_global or ip.is_multicast or ip.is_reserved or ip.is_unspecified:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in network for network in _NOT_PUBLIC_4)
    if ip not in _PUBLIC_6 or any(ip in network for network in _NOT_PUBLIC_6):
        return False
    return (int(ip) >> 32) & 0xFFFFFFFF not in _ISATAP


@dataclass(frozen=True, slots=True)
class Network:
    """How names become addresses, and which of those may be connected to."""

    resolve: Callable[[str, int], Sequence[str]] = resolve
    allowed: Callable[[str], bool] = is_public
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context


def fetch(url: str, config: ServiceConfig, network: Network | None = None) -> Fetched:
    """The bytes of a URL. Raises ServiceError: ``urls_off``, ``url_refused``, ``url_failed``, ``url_timeout``, ``url_too_large``."""
    if not config.allow_urls:
        hint = "Send the sound itself, or let whoever runs the server allow the host."
        raise ServiceError(403, "urls_off", "This server fetches no URLs.", hint=hint)
    deadline = time.monotonic() + config.limits.url_seconds
    for _ in range(MOST_REDIRECTS + 1):
        given = _fetch_one(_checked(url, config), config.limits.url_bytes, deadline, network or Network())
        if isinstance(given, Fetched):
            return given
        if url[:6].lower() == "https:" and given[:5].lower() == "http:":
            raise _refused("It leads from https to http.")
        url = given
    raise _failed(f"It leads on and on, more than {MOST_REDIRECTS} times.")


def _checked(url: str, config: ServiceConfig) -> SplitResult:
    """A URL in parts, if it may be fetched. The raw text is looked at first: ``urlsplit`` passes over tabs and line ends."""
    if len(url) > LONGEST_URL or not url.isascii() or re.search(r"[\x00-\x20\x7f\\]", url):
        raise _refused("It is too long, or holds spaces or signs that must be written as %XX (names of hosts: in punycode).")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _refused("It cannot be read.") from None
    if parts.scheme not in _PORTS:
        raise _refused("Only http and https are fetched.")
    if "@" in parts.netloc:
        raise _refused("It holds a user or a password.")
    if "%" in parts.netloc:
        raise _refused("It names no host.")
    if "[" in parts.netloc:
        with suppress(ValueError):
            host = str(ipaddress.IPv6Address(host))
    elif not _HOST.fullmatch(host.removesuffix(".")):
        raise _refused("It names no host.")
    if not _listed(host.removesuffix("."), port or _PORTS[parts.scheme], port in (None, _PORTS[parts.scheme]), config.url_hosts):
        raise _refused("This server does not fetch from that host.", "Whoever runs the server can allow it.")
    return parts


def _listed(host: str, port: int, usual: bool, hosts: Sequence[str]) -> bool:
    for entry in hosts:
        if entry == "*":
            fits, known_port = True, None
        elif entry.startswith("*."):
            name, known_port = split_host(entry[2:])
            fits = host.endswith("." + name)
        else:
            name, known_port = split_host(entry)
            fits = host == name
        if fits and (port == known_port if known_port else usual):
            return True
    return False


def _fetch_one(parts: SplitResult, most: int, deadline: float, network: Network) -> Fetched | str:
    """One request: what it gave, or where it leads."""
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    addresses = _resolved(host, port, deadline, network)
    if not addresses:
        raise _failed("Its host has no address.")
    if not all(network.allowed(address) for address in addresses):  # one good address beside a bad one is a trick, too
        raise _refused("Its host is not on the public Internet.")
    connection = _connected(addresses, port, deadline)
    stop = _Stop(connection, deadline)
    try:
        if parts.scheme == "https":
            connection = network.tls().wrap_socket(connection, server_hostname=host.removesuffix("."), do_handshake_on_connect=False)
            stop.watch(connection)
            connection.do_handshake()
        given = _exchanged(connection, parts, most, deadline)
    except (ServiceError, OSError, http.client.HTTPException, ValueError) as error:
        if stop.fired or isinstance(error, TimeoutError):
            raise _timeout() from None
        if isinstance(error, ServiceError):
            raise
        if isinstance(error, ssl.SSLCertVerificationError):
            raise _failed("Its certificate is not valid.") from None
        raise _failed("Its server broke off, or speaks no HTTP.") from None
    finally:
        stop.cancel()
        connection.close()
    if stop.fired:  # what looks whole may be what had come when it was stopped
        raise _timeout()
    return given


def _resolved(host: str, port: int, deadline: float, network: Network) -> Sequence[str]:
    """The addresses of a host, in time: the system's resolver takes as long as it likes."""
    answers: queue.SimpleQueue[Sequence[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(network.resolve(host, port))
        except Exception as error:  # whatever it is: who waits must hear of it
            answers.put(error)

    threading.Thread(target=ask, daemon=True, name="auricle-resolve").start()
    try:
        found = answers.get(timeout=_left(deadline))
    except queue.Empty:
        raise _timeout() from None
    if isinstance(found, Exception):
        raise _failed("Its host is not known.")
    return found


def _connected(addresses: Sequence[str], port: int, deadline: float) -> socket.socket:
    for address in addresses[:4]:
        try:
            return socket.create_connection((address, port), timeout=min(READ_SECONDS, _left(deadline)))
        except OSError:
            continue
    raise _failed("Its host does not answer.")


def _exchanged(connection: socket.socket, parts: SplitResult, most: int, deadline: float) -> Fetched | str:
    import auricle

    client = http.client.HTTPConnection(parts.hostname or "", timeout=READ_SECONDS)
    client.sock, client.auto_open = connection, 0
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    client.putrequest("GET", target, skip_host=True, skip_accept_encoding=True)
    for name, value in {
        "Host": parts.netloc, "User-Agent": f"auricle/{auricle.__version__}", "Accept": "audio/*, */*;q=0.5", "Accept-Encoding": "identity",
        "Connection": "close",
    }.items():  # fmt: skip
        client.putheader(name, value)
    client.endheaders()
    with closing(client.getresponse()) as answer:
        if answer.status in _REDIRECTS:
            onward = answer.headers.get("Location")
            if not onward:
                raise _failed("It leads nowhere.")
            return urljoin(parts.geturl(), onward)
        if answer.status != 200:
            raise _failed(f"Its server answers {answer.status}.")
        if (answer.headers.get("Content-Encoding") or "identity").strip().lower() != "identity":
            raise _failed("Its server sends it packed, though asked not to.")
        kind = (answer.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        return Fetched(_body(answer, most, deadline), kind[:100], parts.geturl())


def _body(answer: http.client.HTTPResponse, most: int, deadline: float) -> bytes:
    promised = answer.length
    if promised is not None and promised > most:
        raise _too_large(most)
    pieces, total = [], 0
    while piece := answer.read1(PIECE):
        total += len(piece)
        if total > most:
            raise _too_large(most)
        pieces.append(piece)
        if time.monotonic() > deadline:
            raise _timeout()
    if promised is not None and total < promised:
        raise _failed("It broke off before its end.")
    return b"".join(pieces)


class _Stop:
    """Ends a connection at the deadline, whatever its server does: a byte now and then would keep a time limit on reads from firing."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self.fired = False
        self._connection = connection
        self._timer = threading.Timer(_left(deadline), self._fire)
        self._timer.daemon = True
        self._timer.start()

    def watch(self, connection: socket.socket) -> None:
        self._connection = connection
        if self.fired:
            self._fire()

    def _fire(self) -> None:
        self.fired = True
        with suppress(OSError):  # of the socket below TLS: a farewell would wait for the other side
            socket.socket.shutdown(self._connection, socket.SHUT_RDWR)

    def cancel(self) -> None:
        self._timer.cancel()


def _left(deadline: float) -> float:
    return max(0.001, deadline - time.monotonic())


def _refused(why: str, hint: str = "") -> ServiceError:
    return ServiceError(422, "url_refused", f"This URL may not be fetched. {why}", hint=hint)


def _failed(why: str) -> ServiceError:
    return ServiceError(502, "url_failed", f"The URL could not be fetched. {why}", hint="Check it, or send the sound itself.")


def _timeout() -> ServiceError:
    return ServiceError(504, "url_timeout", "The URL did not answer in time.", hint="Try again, or send the sound itself.", retryable=True)


def _too_large(most: int) -> ServiceError:
    return ServiceError(413, "url_too_large", f"The URL gives more than {most} bytes.", hint="Send a shorter clip.")
