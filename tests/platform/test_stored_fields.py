import pytest

from app.hospitals.models import Hospital
from app.hospitals.schemas import HospitalCreate, HospitalUpdate
from app.people.models import PersonContactType
from app.platform.stored_fields import StoredFields
from app.platform.text import Flag, Label


class _WithMore(HospitalCreate):
    nickname: Label | None = None


class _WithComputed(HospitalCreate):
    is_active: Flag = True


def test_a_field_is_a_column_or_special() -> None:
    with pytest.raises(TypeError, match=r"_WithMore\.nickname is no column of hospital and not special"):
        StoredFields(Hospital, HospitalCreate, _WithMore)
    named = StoredFields(Hospital, _WithMore, special={"nickname": "kept elsewhere"})
    assert named.names == ("name", "city", "country", "address")
    assert "nickname" not in named.values(_WithMore(name="A", nickname="B"))


def test_a_computed_column_takes_no_field() -> None:
    with pytest.raises(TypeError, match="is_active is no column of person_contact_type"):
        StoredFields(PersonContactType, _WithComputed, special=dict.fromkeys(HospitalCreate.model_fields, "of another"))


def test_a_special_is_a_field() -> None:
    with pytest.raises(TypeError, match=r"\['nickname'\] are special, but no field of \['HospitalCreate'\]"):
        StoredFields(Hospital, HospitalCreate, special={"nickname": "gone"})


def test_what_is_left_out_of_a_change_stays_and_null_clears() -> None:
    hospital = Hospital(name="A", city="B", address="C")
    StoredFields(Hospital, HospitalUpdate).set_given(hospital, HospitalUpdate(name="D", city=None))
    assert (hospital.name, hospital.city, hospital.address) == ("D", None, "C")
