"""What OpenSSL asks for the password of a key. Without it, OpenSSL would ask on the terminal, and wait."""

from typing import NoReturn

__all__ = ["no_password"]


def no_password() -> NoReturn:
    """To be given to load_cert_chain, which passes on what this raises: ValueError, in words for people."""
    raise ValueError("the key is encrypted, and there is nowhere to give its password")
