"""RFC 5802, RFC 9266: SCRAM-SHA-256-PLUS, bound to the TLS connection as OpenSSL sees it.

Python's own TLS learnt the binding after 3.11, and Profanity's library takes SCRAM without it: so OpenSSL's program
makes the connection here, and tells the binding; the exchange itself is written out.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import re
import secrets

from harness import case, check
from raw import SASL, Raw

QUIET_SECONDS = 0.3


def digest(key, text):
    return hmac.digest(key, text, "sha256")


@contextlib.asynccontextmanager
async def over_openssl(port):
    """A connection by `openssl s_client`, and its binding."""
    program = await asyncio.create_subprocess_exec(
        "openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-alpn", "xmpp-client", "-ign_eof",
        "-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        # It describes the connection first; then it is silent until we speak.
        told = ""
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
            while piece := await asyncio.wait_for(program.stdout.read(4096), QUIET_SECONDS if told else 10):
                told += piece.decode()
        binding = bytes.fromhex(re.search("Keying material: ([0-9A-F]{64})", told)[1])
        yield Raw(program.stdout, program.stdin), binding
    finally:
        program.kill()
        await program.wait()


async def scram(raw, person, flag, binding):
    """One exchange. Gives the condition of its failure, or `None` when the daemon has proved itself too."""
    address, password = person
    name, domain = address.split("@")
    await raw.open(domain)
    bare = f"n={name},r={secrets.token_hex(12)}"
    mechanism = "SCRAM-SHA-256-PLUS" if flag.startswith("p=") else "SCRAM-SHA-256"
    await raw.auth(mechanism, f"{flag},,{bare}".encode())
    if raw.answer.tag != f"{SASL}challenge":
        return raw.answer[0].tag.removeprefix(SASL)
    challenge = base64.b64decode(raw.answer.text).decode()
    nonce, salt, rounds = re.fullmatch("r=([^,]+),s=([^,]+),i=([0-9]+)", challenge).groups()
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(rounds))
    key = digest(salted, b"Client Key")
    channel = base64.b64encode(f"{flag},,".encode() + binding).decode()
    without_proof = f"c={channel},r={nonce}"
    signed = f"{bare},{challenge},{without_proof}".encode()
    signature = digest(hashlib.sha256(key).digest(), signed)
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature, strict=True))).decode()
    response = base64.b64encode(f"{without_proof},p={proof}".encode()).decode()
    raw.send(f"<response xmlns='{SASL[1:-1]}'>{response}</response>")
    answer = await raw.next()
    if answer.tag == f"{SASL}failure":
        return answer[0].tag.removeprefix(SASL)
    theirs = base64.b64encode(digest(digest(salted, b"Server Key"), signed)).decode()
    check((answer.tag, base64.b64decode(answer.text).decode()), (f"{SASL}success", f"v={theirs}"))
    return None


@case("SCRAM-SHA-256-PLUS over OpenSSL: the right binding is let in, another one and a downgrade are not (B03)")
async def plus(world):
    house = world.standing
    (person,) = house.people("ana")
    for port in (house.port, house.tls_port):
        for flag, changed, expect in (
            ("p=tls-exporter", 0, None),
            ("p=tls-exporter", 1, "not-authorized"),
            ("n", None, None),
            ("y", None, "not-authorized"),
        ):
            async with over_openssl(port) as (raw, binding):
                used = b"" if changed is None else bytes([binding[0] ^ changed]) + binding[1:]
                check((flag, changed, await scram(raw, person, flag, used)), (flag, changed, expect))
    check(house.logged(f'mechanism="SCRAM-SHA-256-PLUS" address={person[0]}'), True)
