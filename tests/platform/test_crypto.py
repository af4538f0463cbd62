"""Sealed values open for their owner, purpose and key alone; the development key is kept for its owner's eyes."""

from collections.abc import Callable
from contextlib import nullcontext
from inspect import getclosurevars
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.commands import secrets, serve
from app.documents import rotation
from app.platform.crypto import MasterKeys, Unreadable, derived_token, digest, new_reference, same, seal, unseal
from app.platform.secret_key import with_kept_key
from app.platform.settings import Settings, SettingsError

KEY, OTHER = SecretStr("k" * 40), SecretStr("o" * 40)


def test_what_was_sealed_opens_and_looks_different_each_time() -> None:
    sealed = [seal(KEY, purpose="totp", owner="a", plain=b"seed") for _ in range(2)]
    assert sealed[0] != sealed[1]
    assert all(b"seed" not in text for text in sealed)
    assert {unseal(KEY, purpose="totp", owner="a", sealed=text) for text in sealed} == {b"seed"}


@pytest.mark.parametrize(("key", "purpose", "owner"), [(OTHER, "totp", "a"), (KEY, "else", "a"), (KEY, "totp", "b")])
def test_another_key_purpose_or_owner_does_not_open_it(key: SecretStr, purpose: str, owner: str) -> None:
    sealed = seal(KEY, purpose="totp", owner="a", plain=b"seed")
    with pytest.raises(Unreadable):
        unseal(key, purpose=purpose, owner=owner, sealed=sealed)


@pytest.mark.parametrize("place", range(0, 32, 5))
def test_no_bit_can_be_changed(place: int) -> None:
    sealed = bytearray(seal(KEY, purpose="totp", owner="a", plain=b"seed"))
    sealed[place] ^= 1
    with pytest.raises(Unreadable):
        unseal(KEY, purpose="totp", owner="a", sealed=bytes(sealed))


@pytest.mark.parametrize("cut", [b"", b"x", b"x" * 12])
def test_too_short_is_unreadable(cut: bytes) -> None:
    with pytest.raises(Unreadable):
        unseal(KEY, purpose="totp", owner="a", sealed=cut)


def test_references_are_long_and_their_tokens_their_own() -> None:
    one, two = new_reference(), new_reference()
    assert len({one, two}) == 2
    assert len(one) == 43
    assert len(digest(one)) == 32
    assert derived_token(one, "csrf") != derived_token(two, "csrf")
    assert derived_token(one, "csrf") != derived_token(one, "else")
    assert same("a", "a")
    assert not same("a", "\ud800")


def test_development_key_is_made_once_and_kept(tmp_path: Path) -> None:
    environ: dict[str, str] = {}
    settings = Settings.model_validate({"data_dir": tmp_path / "data"})
    first = with_kept_key(settings, environ)
    again = with_kept_key(settings, {})
    assert first.secret_key == again.secret_key != settings.secret_key
    assert environ["CRM_SECRET_KEY"] == first.secret_key.get_secret_value()
    assert (tmp_path / "data" / "secret-key").stat().st_mode & 0o777 == 0o600
    assert with_kept_key(settings, {"CRM_SECRET_KEY": "given"}) is settings


def test_a_development_key_that_cannot_be_kept_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="CRM_SECRET_KEY"):
        with_kept_key(Settings.model_validate({"data_dir": tmp_path / "file" / "data"}), {})


def test_of_two_processes_that_start_at_once_both_have_the_whole_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path})
    other: list[str] = []

    def made_by_the_other_first(_: int) -> str:
        monkeypatch.undo()
        other.append(with_kept_key(settings, {}).secret_key.get_secret_value())
        return "n" * 43

    monkeypatch.setattr("app.platform.secret_key.secrets.token_urlsafe", made_by_the_other_first)
    assert with_kept_key(settings, {}).secret_key.get_secret_value() == other[0]
    assert len(other[0]) >= 32
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]


def test_a_worker_by_itself_has_the_key_that_the_server_keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = with_kept_key(Settings.model_validate({"data_dir": tmp_path}), {})
    seen: list[Settings] = []

    async def with_no_database(settings: Settings, _url: str, _work: object) -> None:
        seen.append(settings)

    monkeypatch.setattr(serve, "read_settings", lambda: Settings.model_validate({"data_dir": tmp_path}))
    monkeypatch.setattr(serve, "_application_alone", lambda _settings: nullcontext("postgresql://nowhere"))
    monkeypatch.setattr(serve, "with_database", with_no_database)
    monkeypatch.setenv("CRM_SECRET_KEY", "")
    serve.worker()
    assert seen[0].secret_key == server.secret_key


def test_a_rotation_by_itself_has_the_key_that_the_server_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = with_kept_key(Settings.model_validate({"data_dir": tmp_path}), {})
    seen: list[MasterKeys] = []

    def with_no_database(work: Callable[..., object]) -> rotation.Rotated:
        seen.append(getclosurevars(work).nonlocals["keys"])
        return rotation.Rotated()

    monkeypatch.setattr(secrets, "read_settings", lambda: Settings.model_validate({"data_dir": tmp_path}))
    monkeypatch.setattr(secrets, "in_database", with_no_database)
    monkeypatch.setenv("CRM_SECRET_KEY", "")
    secrets.secret_rotate()
    assert seen[0] == server.keys
