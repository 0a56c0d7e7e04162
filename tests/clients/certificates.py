"""The daemon's certificates: this computer's own, and an administrator's files that change under way."""

import asyncio
import socket
import ssl
import subprocess

from bot import Bot
from harness import case, check, until


def shown(port, name, authority=None):
    """The certificate that a client is shown who asks for `name`; verified where an authority is given."""
    context = ssl.create_default_context(cafile=authority)
    if authority is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["xmpp-client"])
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        with context.wrap_socket(plain, server_hostname=name) as tls:
            return tls.getpeercert(True)


@case("with `jirani trust --print`, a client that verifies accepts 127.0.0.1, ::1, localhost and the own domain")
async def verified(world):
    house = world.standing
    authority = house.authority()
    for name in ("127.0.0.1", "::1", "localhost", house.domain):
        await asyncio.to_thread(shown, house.tls_port, name, authority)
    for name in ("bank.example", "192.0.2.1"):
        try:
            await asyncio.to_thread(shown, house.tls_port, name, authority)
        except ssl.SSLCertVerificationError:
            continue
        raise AssertionError(f"the daemon passed for {name}")


@case("slixmpp verifies by `jirani trust --print`, and refuses without it")
async def slixmpp_verifies(world):
    house = world.standing
    (person,) = house.people("ana")
    for how, port in (("starttls", house.port), ("direct", house.tls_port)):
        bot = await Bot(house, person, how=how, port=port, authority=house.authority()).login()
        check(bot.socket.context.verify_mode, ssl.CERT_REQUIRED)
        await bot.leave()
    stranger = Bot(house, person)
    stranger.ssl_context = ssl.create_default_context()
    try:
        await stranger.login()
    except ConnectionError as why:
        check("certificate verify failed" in str(why), True)
    else:
        raise AssertionError("a certificate of an unknown authority was accepted")
    finally:
        stranger.abort()


@case("A19: who asks to renegotiate TLS 1.2 gets no second handshake, and the daemon serves the others")
async def renegotiated(world):
    house = world.standing
    (person,) = house.people("ana")
    for _ in range(20):
        client = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{house.tls_port}", "-tls1_2", "-quiet", "-no_ign_eof"],
            input="R\n" * 50, capture_output=True, text=True, timeout=20)
        check("no renegotiation" in client.stderr.lower(), True)
    await (await Bot(house, person).login()).leave()


def issue(folder, name):
    """A certificate that vouches for itself, in the two files of the configuration."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
         "-keyout", folder / "key.pem", "-out", folder / "chain.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return ssl.PEM_cert_to_DER_cert((folder / "chain.pem").read_text())


@case("SIGHUP: new connections get the new certificate, old ones live on, a bad file changes nothing")
async def hang_up(world):
    name = "school.example"
    house = world.house()
    files = f'chain = "{house.folder}/chain.pem"\nkey = "{house.folder}/key.pem"'
    house.write_config(f'domain = "{name}"\n[[certificates]]\ndomain = "{name}"\n{files}')
    first = issue(house.folder, name)
    await house.start()

    def now_shown():
        return shown(house.tls_port, name)

    check(now_shown(), first)
    person = house.account("ana")
    check(person[0], f"ana@{name}")
    bot = await Bot(house, person, authority=house.folder / "chain.pem").login()

    second = issue(house.folder, name)
    check(now_shown(), first)
    house.hang_up()
    await until(lambda: house.logged("certificates were read again"))
    check(now_shown(), second)
    await bot.ping()

    (house.folder / "chain.pem").write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    house.hang_up()
    await until(lambda: house.logged("the new certificates are not used"))
    check(now_shown(), second)
    await bot.ping()
    check(bot.ends.empty(), True)
    await bot.leave()
    house.stop()
