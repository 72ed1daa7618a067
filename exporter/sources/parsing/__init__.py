"""Bytes in, certificates and who signed whom out: by this process or by a sealed child."""
