# ruff: noqa: RUF001  look-alike letters of other scripts are what is tested
"""Keys of e-mail, phone and name: spellings of one thing give one key, spellings of two do not."""

import unicodedata

import pycountry
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.people.countries import _names, country_code
from app.people.keys import clean_email, email_key, phone_e164, split_emails, without_tag
from app.people.names import fold_letters


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("jan@example.org", "jan@example.org"),
        ("  JAN@Example.ORG ", "jan@example.org"),
        ("jan@example.org.", "jan@example.org"),
        ("jan@example.org;", "jan@example.org"),
        ("<jan@example.org> ;", "jan@example.org"),
        ("mailto:jan@example.org", "jan@example.org"),
        ("MAILTO:<jan@example.org>.", "jan@example.org"),
        ("<mailto:jan@example.org?subject=a@b.c>", "jan@example.org"),
        ("\ufeffjan@exa\u200bmple.org\u00a0", "jan@example.org"),
        ("jan+crm@example.org", "jan+crm@example.org"),
        ("j.a.n@example.org", "j.a.n@example.org"),
        (".jan@example.org", ".jan@example.org"),
        ("jo\u0308rg@mu\u0308ller.example", "j\u00f6rg@m\u00fcller.example"),
        ("no email", None),
        ("jan@example", None),
        ("jan@@example.org", None),
        ("jan de bos@example.org", None),
        ("@example.org", None),
        ("", None),
    ],
)
def test_the_noise_around_an_address_goes(typed: str, cleaned: str | None) -> None:
    assert clean_email(typed) == cleaned


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("Jan+Trial@Example.org", "jan@example.org"),
        ("j.a.n+x+y@example.org", "j.a.n@example.org"),
        ("+news@example.org", "+news@example.org"),
        ("jan@Müller.example", "jan@xn--mller-kva.example"),
        ("jan@mu\u0308ller.example", "jan@xn--mller-kva.example"),
        ("jan@XN--MLLER-KVA.example", "jan@xn--mller-kva.example"),
        ("jörg@例え.jp", "jörg@xn--r8jz45g.jp"),
        ("jan@my_host.example", "jan@my_host.example"),
        ("jan@☃☃\u2f00\u0378.example", "jan@☃☃\u2f00\u0378.example"),
        ("nobody", None),
    ],
)
def test_the_key_leaves_the_tag_out_and_writes_the_domain_in_ascii(typed: str, key: str | None) -> None:
    assert email_key(typed) == key


def test_several_addresses_are_told_apart() -> None:
    assert split_emails("Jan@example.org; second@example.net,x") == ("jan@example.org", "second@example.net")
    assert split_emails("jan@example.org;") == ("jan@example.org",)
    assert split_emails("ask daughter") == ()


def test_an_address_loses_its_tag_and_nothing_else() -> None:
    assert without_tag("j.an+x@müller.example") == "j.an@müller.example"


@given(st.emails(), st.sampled_from(["", " ", "\u200b", "\t"]), st.sampled_from(["", ".", ";", " >"]))
def test_spellings_of_one_address_share_a_key(address: str, before: str, after: str) -> None:
    key = email_key(address)
    assert key is not None
    assert email_key(before + address.upper() + after) == key
    assert email_key(unicodedata.normalize("NFD", address)) == key


@given(st.text(max_size=40))
def test_a_key_is_its_own_key_and_any_text_may_be_asked(text: str) -> None:
    key = email_key(text)
    if key is not None:
        assert email_key(key) == key
        assert key == key.lower()


@pytest.mark.parametrize(
    ("typed", "country", "e164"),
    [
        ("+31 6 12345678", None, "+31612345678"),
        ("0031612345678", None, "+31612345678"),
        ("00 31 6 1234 5678", "US", "+31612345678"),
        ("(0031) 6 12345678", "GB", "+31612345678"),
        ("(+31) 6-1234-5678", "GB", "+31612345678"),
        ("0612345678", "NL", "+31612345678"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("0612-345678", "NL", "+31612345678"),
        ("+31.6.12.34.56.78", None, "+31612345678"),
        ("06\u20131234\u20135678", "NL", "+31612345678"),
        ("31612345678", "NL", "+31612345678"),
        ("8912-0239352", "RU", "+79120239352"),
        ("(312) 555-9595", "US", "+13125559595"),
        ("3330120567", "IT", "+393330120567"),
        ("09012345678", "JP", "+819012345678"),
        ("+44 (0)20 7946 0958", None, "+442079460958"),
        ("0044(0)20 7946 0958", "NL", "+442079460958"),
        ("(0)20 7946 0958", "GB", "+442079460958"),
        ("+39 (0)6 698 83145", None, "+390669883145"),
        ("tel:+31-6-12345678", None, "+31612345678"),
        ("TEL: 06 12345678", "NL", "+31612345678"),
        ("Tel. 06 12345678", "NL", "+31612345678"),
        ("＋３１６１２３４５６７８", None, "+31612345678"),
        ("٠٦١٢٣٤٥٦٧٨", "NL", "+31612345678"),
        ("06-12345678 (work, ask for Jan)", "NL", "+31612345678"),
        ("[evening] 0612345678", "NL", "+31612345678"),
        ("+31 20 123 4567 ext. 12", None, "+31201234567"),
        ("020 123 4567 x12", "NL", "+31201234567"),
        ("+31201234567;ext=5", None, "+31201234567"),
    ],
)
def test_a_phone_is_read_as_people_write_it(typed: str, country: str | None, e164: str) -> None:
    phone = phone_e164(typed, country)
    assert (phone.typed, phone.e164, phone.valid) == (typed, e164, True)


@pytest.mark.parametrize(
    ("typed", "country"),
    [
        ("", "NL"),
        ("123", "NL"),
        ("0000000000", "DE"),
        ("ask daughter", "NL"),
        ("3.16123E+10", "NL"),
        ("0612345678 work", "NL"),
        ("06 12345678 / 020 1234567", "NL"),
        ("1-800-FLOWERS", "US"),
        ("0612345678", None),
        ("0612345678", "XX"),
        ("+999 123456", None),
        ("(a" * 2000, "NL"),
    ],
)
def test_what_is_no_number_is_kept_as_typed(typed: str, country: str | None) -> None:
    phone = phone_e164(typed, country)
    assert (phone.typed, phone.e164, phone.valid) == (typed, None, False)


@given(st.text(max_size=64), st.sampled_from(["NL", "US", "IT", None]))
def test_any_text_may_be_a_phone_and_e164_is_its_own_key(text: str, country: str | None) -> None:
    phone = phone_e164(text, country)
    if phone.e164 is not None:
        assert phone_e164(phone.e164, None).e164 == phone.e164


OWN_NAMES = """
    AD Andorra, AE الإمارات, AL Shqipëri, AM Հայաստան, AR Argentina, AT Österreich, AZ Azərbaycan,
    BA Bosna i Hercegovina, BD বাংলাদেশ, BE België, BE Belgique, BE Belgien, BG България,
    BO Bolivia, BR Brasil, BY Беларусь, CA Canada, CH Schweiz, CH Suisse, CH Svizzera, CL Chile,
    CN 中国, CO Colombia, CR Costa Rica, CU Cuba, CY Κύπρος, CZ Česko, CZ Česká republika,
    DE Deutschland, DK Danmark, DO República Dominicana, EC Ecuador, EE Eesti, EG مصر, ES España,
    FI Suomi, FI Finland, FO Føroyar, FR France, GB Cymru, GE საქართველო, GR Ελλάδα, GT Guatemala,
    HK 香港, HN Honduras, HR Hrvatska, HU Magyarország, ID Indonesia, IE Éire, IL ישראל, IN भारत,
    IR ایران, IS Ísland, IT Italia, JP 日本, KR 대한민국, KR 한국, KZ Қазақстан, LT Lietuva,
    LU Lëtzebuerg, LU Luxembourg, LU Luxemburg, LV Latvija, MA المغرب, MC Monaco, MD Moldova,
    ME Crna Gora, MK Северна Македонија, MT Malta, MX México, MY Malaysia, NL Nederland,
    NL Holland, NO Norge, NO Noreg, PE Perú, PH Pilipinas, PK پاکستان, PL Polska, PT Portugal,
    PY Paraguay, RO România, RS Србија, RS Srbija, RU Россия, RU Российская Федерация,
    SA السعودية, SE Sverige, SG Singapore, SI Slovenija, SK Slovensko, TH ประเทศไทย, TR Türkiye,
    TW 臺灣, TW 台灣, UA Україна, US United States, US Estados Unidos, UY Uruguay, VE Venezuela,
    VN Việt Nam
"""


@pytest.mark.parametrize("line", [entry.strip() for entry in OWN_NAMES.split(",")])
def test_a_country_is_known_by_the_name_it_gives_itself(line: str) -> None:
    code, _, own_name = line.partition(" ")
    assert country_code(own_name) == code
    assert country_code(f" {own_name.upper()} ") == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nl", "NL"),
        ("NLD", "NL"),
        ("The Netherlands", "NL"),
        ("UK", "GB"),
        ("u.k.", "GB"),
        ("England", "GB"),
        ("USA", "US"),
        ("U.S.A.", "US"),
        ("Espana", "ES"),
        ("Turkey", "TR"),
        ("Czech Republic", "CZ"),
        ("Russia", "RU"),
        ("South Korea", "KR"),
        ("Côte d’Ivoire", "CI"),
        ("Atlantis", None),
        ("", None),
    ],
)
def test_a_country_is_known_by_code_and_english_name(text: str, code: str | None) -> None:
    assert country_code(text) == code


def test_every_country_is_found_by_its_codes_and_names_and_no_name_has_two() -> None:
    for country in pycountry.countries:
        assert country_code(country.alpha_2) == country.alpha_2
        assert country_code(country.alpha_3) == country.alpha_2
        for own_name in _names(country):
            if fold_letters(own_name):
                assert country_code(own_name) == country.alpha_2, own_name
