"""A setting that is wrong or missing stops the start, with its name and a value that would do."""

import pytest

from app.platform.settings import EXAMPLES, Settings, SettingsError, variables


def test_each_setting_has_an_example_that_can_be_used() -> None:
    assert set(EXAMPLES) == variables()
    settings, unsafe = Settings.read(EXAMPLES)
    assert unsafe == []
    defaults = Settings()
    same = {name for name in Settings.model_fields if getattr(settings, name) == getattr(defaults, name)}
    # Their examples are what they are by themselves.
    assert len(same) < len(Settings.model_fields) / 2, same


@pytest.mark.parametrize(
    "environ",
    [{"PORT": "many"}, {"CRM_MASTER_KEYS": "1=short"}, {"CRM_TIME_ZONE": "Mars/Olympus"}, {"CRM_CASELOAD": "none"}],
)
def test_a_value_that_cannot_be_used_stops_the_start_with_name_and_example(environ: dict[str, str]) -> None:
    (name,) = environ
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment(environ)
    assert str(refused.value).startswith(f"{name}: ")
    assert f"as in {name}={EXAMPLES[name]}" in str(refused.value)
    assert environ[name] not in str(refused.value), "it may be a secret"


def test_production_names_everything_that_it_lacks_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({"CRM_ENV": "production"})
    for name in ("CRM_DATABASE_URL", "CRM_SECRET_KEY", "CRM_BASE_URL"):
        assert f"as in {name}={EXAMPLES[name]}" in str(refused.value)
    assert "CRM_PROXY_HOPS" in str(refused.value)
