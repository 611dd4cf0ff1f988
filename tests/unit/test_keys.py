"""Keys: made once, never replaced, never quoted."""

from __future__ import annotations

import os
import stat
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from consumer.keys import KeysProblem, add_key, drop_key, load_keys, use_key
from consumer.ledger.seal import Seal, SealBroken
from tests.unit.samples import RECORD

SECRET = "zebra-secret-of-thirty-two-chars"
# Always the same: it stands in the names of tests, which several processes share.
SEALING = urlsafe_b64encode(bytes(range(32))).decode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "keys.toml"


def put(path: Path, text: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def refusal(path: Path, *, ledger_exists: bool = False) -> str:
    with pytest.raises(KeysProblem) as found:
        load_keys(path, ledger_exists=ledger_exists)
    assert "zebra" not in str(found.value)
    assert SEALING not in str(found.value)
    # A traceback must not lead back to the file's text either.
    assert found.value.__cause__ is None
    assert found.value.__context__ is None or found.value.__suppress_context__
    return str(found.value)


def test_keys_are_made_at_the_first_start_and_only_then(path: Path) -> None:
    first, made = load_keys(path, ledger_exists=False)
    again, made_again = load_keys(path, ledger_exists=True)
    assert (made, made_again) == (True, False)
    assert again.identity.fingerprint() == first.identity.fingerprint()
    assert again.identity.credit_key(RECORD) == first.identity.credit_key(RECORD)
    assert again.seal.open(first.seal.seal(b"Abara")) == b"Abara"


def test_only_their_owner_may_read_them(path: Path) -> None:
    before = os.umask(0)
    try:
        load_keys(path, ledger_exists=False)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["keys.toml"]


def test_with_a_ledger_lost_keys_are_asked_for_and_not_made(path: Path) -> None:
    assert "put the file back" in refusal(path, ledger_exists=True)
    assert not path.exists()


def test_two_installations_have_nothing_in_common(tmp_path: Path) -> None:
    (one, _), (other, _) = (
        load_keys(tmp_path / name / "keys.toml", ledger_exists=False) for name in ("a", "b")
    )
    assert one.identity.fingerprint() != other.identity.fingerprint()
    with pytest.raises(SealBroken):
        other.seal.open(one.seal.seal(b"Abara"))


def test_another_secret_is_told_apart_by_its_fingerprint(path: Path) -> None:
    put(path, f'secret = "{SECRET}"\nsealing_key = "{SEALING}"')
    before, made = load_keys(path, ledger_exists=True)
    assert not made
    put(path, f'secret = "{SECRET}!"\nsealing_key = "{SEALING}"')
    after, _ = load_keys(path, ledger_exists=True)
    assert before.identity.fingerprint() != after.identity.fingerprint()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "zebra",
        f"secret = {SECRET}",
        f'secret = "{SECRET}"',
        f'sealing_key = "{SEALING}"',
        f'secret = "zebra"\nsealing_key = "{SEALING}"',
        f'secret = 7\nsealing_key = "{SEALING}"',
        f'secret = "{SECRET}"\nsealing_key = 7',
        f'secret = "{SECRET}"\nsealing_key = "zebra"',
        f'secret = "{SECRET}"\nsealing_key = "zebra-zebra-zebra-zebra-zebra-zebra-zebra="',
        f'secret = "{SECRET}"\nsealing_key = "zebra-ü"',
        f'secret = ["{SECRET}"]\nsealing_key = "{SEALING}"',
        f'[secret]\nzebra = "{SECRET}"\n',
        f'secret = "{SECRET}"\nsealing_key = "{SEALING}"\nalso_opens = ["zebra"]',
        f'secret = "{SECRET}"\nsealing_key = "{SEALING}"\nalso_opens = "zebra"',
        f'secret = "{SECRET}"\nsealing_key = "{SEALING}"\nalso_opens = [7]',
        b"secret = '\xff zebra'",
    ],
)
def test_a_bad_file_says_what_it_must_hold_and_quotes_none_of_it(
    path: Path, text: str | bytes
) -> None:
    put(path, text)
    assert refusal(path, ledger_exists=True).startswith(f"{path} must hold `secret`")


def test_a_file_that_cannot_be_read_says_so(path: Path) -> None:
    path.mkdir(parents=True)
    assert refusal(path, ledger_exists=True).startswith(f"{path} cannot be read")


def test_keys_do_not_print(path: Path) -> None:
    put(path, f'secret = "{SECRET}"\nsealing_key = "{SEALING}"')
    keys, _ = load_keys(path, ledger_exists=True)
    shown = repr(keys) + str(keys) + repr(vars(keys.identity).keys())
    assert "zebra" not in shown
    assert SEALING not in shown


# ---------------------------------------------------------------- another sealing key


def seal_of(path: Path) -> Seal:
    return load_keys(path, ledger_exists=True)[0].seal


def test_a_new_key_opens_before_it_seals_and_the_former_one_after(path: Path) -> None:
    put(path, f'secret = "{SECRET}"\nsealing_key = "{SEALING}"')
    first = seal_of(path)
    new = add_key(path)
    both = seal_of(path)
    assert (both.name, both.names) == (first.name, (first.name, new))
    assert use_key(path, new) == first.name
    after = seal_of(path)
    assert (after.name, after.names) == (new, (new, first.name))
    assert after.open(first.seal(b"Abara")) == both.open(after.seal(b"Abara")) == b"Abara"
    drop_key(path, first.name)
    assert seal_of(path).names == (new,)
    with pytest.raises(SealBroken):
        seal_of(path).open(first.seal(b"Abara"))


def test_the_secret_stays_whatever_it_is_made_of(path: Path) -> None:
    odd = 'a "zebra" \\ of ünïcode, tab\t and \x7f'
    put(path, f'secret = {_toml(odd)}\nsealing_key = "{SEALING}"')
    before, _ = load_keys(path, ledger_exists=True)
    use_key(path, add_key(path))
    after, _ = load_keys(path, ledger_exists=True)
    assert after.identity.credit_key(RECORD) == before.identity.credit_key(RECORD)
    assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0


def _toml(text: str) -> str:
    return '"' + "".join(f"\\U{ord(c):08x}" for c in text) + '"'


def test_what_is_no_key_to_use_or_drop_changes_nothing(path: Path) -> None:
    put(path, f'secret = "{SECRET}"\nsealing_key = "{SEALING}"')
    add_key(path)
    before = path.read_bytes()
    for do in (use_key, drop_key):
        for name in (seal_of(path).name, "00000000", ""):
            with pytest.raises(KeysProblem):
                do(path, name)
    assert path.read_bytes() == before


def test_a_key_that_stands_there_twice_is_refused(path: Path) -> None:
    put(path, f'secret = "{SECRET}"\nsealing_key = "{SEALING}"\nalso_opens = ["{SEALING}"]')
    assert "twice" in refusal(path, ledger_exists=True)
