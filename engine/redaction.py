"""Secrets taken out of texts that are written down: logs and reports."""

import re

HIDDEN = "******"

_NAMES = r"(?:mnemonic|seed|secret|password|passwd|passphrase|api[_-]?key|private[_-]?key|token)"
_SECRETS = re.compile(
    "|".join(
        (
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
            r"\b(?:0x)?[0-9a-fA-F]{64,}\b",
            r"(?<![\w-])gAAAAA[\w-]{20,}=*",
            r"(?<![\w-])[\w-]{43}=(?![\w=-])",
            r"\bsk-[\w-]{16,}",
            r"\b[a-z]{3,8}(?:[ ,]+[a-z]{3,8}){11,23}\b",
        )
    )
)
"""Private keys in PEM, keys and seeds in hex, Fernet's tokens and keys, API keys, and the words of a mnemonic."""

_NAMED = re.compile(rf"\b({_NAMES}[\"']?\s*[:=]\s*[\"']?|bearer\s+)(?![\"'\s])[^\s\"',;]{{8,}}", re.IGNORECASE)


def redact(text: str) -> str:
    """`text` with everything that looks like a secret replaced by `******`; rather a hash too much than a key."""
    return _NAMED.sub(rf"\1{HIDDEN}", _SECRETS.sub(HIDDEN, text))
