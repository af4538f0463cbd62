"""Who appears in the demo data: names as they go together in a country, with addresses that belong to nobody."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from anyascii import anyascii


@dataclass(frozen=True)
class Region:
    """Names of one country, and how its people are reached. `phone` is a pattern: each `#` becomes a digit."""

    country: str
    language: str
    time_zone: str
    phone: str
    women: tuple[str, ...]
    men: tuple[str, ...]
    families: tuple[str, ...]


REGIONS = (
    Region(
        "NL", "nl", "Europe/Amsterdam", "06 #### ####",
        ("Noor", "Sanne", "Femke", "Lotte", "Anouk", "Marijke", "Yasmina", "Iris"),
        ("Daan", "Sem", "Bram", "Thijs", "Ruben", "Joost", "Hamza", "Pieter"),
        ("de Vries", "Visser", "Bakker", "Smit", "van den Berg", "Mulder", "Bos", "El Amrani", "Hoekstra"),
    ),
    Region(
        "DE", "de", "Europe/Berlin", "+49 151 ########",
        ("Lena", "Hannah", "Jana", "Katrin", "Sabine", "Aylin", "Greta"),
        ("Jonas", "Felix", "Matthias", "Stefan", "Emre", "Lukas", "Holger"),
        ("Müller", "Schmidt", "Weber", "Schäfer", "Köhler", "Yıldız", "Brandt", "Vogel"),
    ),
    Region(
        "FR", "fr", "Europe/Paris", "06 ## ## ## ##",
        ("Camille", "Élodie", "Inès", "Manon", "Sylvie", "Chloé", "Aïcha"),
        ("Théo", "Lucas", "Benoît", "Antoine", "Rémi", "Karim", "Gérard"),
        ("Lefèvre", "Moreau", "Garnier", "Rousseau", "Benali", "Chevalier", "Marchand"),
    ),
    Region(
        "ES", "es", "Europe/Madrid", "6## ### ###",
        ("Lucía", "Carmen", "Elena", "Marta", "Nuria", "Pilar"),
        ("Javier", "Álvaro", "Sergio", "Íñigo", "Pablo", "Manuel"),
        ("García Núñez", "Fernández", "Ortega", "Ibáñez", "Castillo", "Serrano"),
    ),
    Region(
        "GB", "en", "Europe/London", "07### ######",
        ("Olivia", "Amelia", "Grace", "Priya", "Siobhan", "Zara", "Harriet"),
        ("Oliver", "George", "Callum", "Rhys", "Imran", "Edward", "Kofi"),
        ("Taylor", "O'Connor", "Hughes", "Patel", "Mensah", "Clarke", "Begum", "Whitaker"),
    ),
    Region(
        "PL", "pl", "Europe/Warsaw", "5## ### ###",
        ("Zofia", "Agnieszka", "Małgorzata", "Ewa", "Katarzyna"),
        ("Łukasz", "Paweł", "Tomasz", "Grzegorz", "Michał"),
        ("Nowak", "Wiśniewska", "Zieliński", "Dąbrowska", "Kaczmarek"),
    ),
    Region(
        "US", "en", "America/New_York", "+1 212 555 01##",
        ("Emily", "Jasmine", "Rachel", "Sofia", "Denise"),
        ("Marcus", "Ethan", "Diego", "Walter", "Noah"),
        ("Johnson", "Ramirez", "Washington", "Nguyen", "Kowalczyk", "Brooks"),
    ),
    Region(
        "BR", "pt-BR", "America/Sao_Paulo", "+55 11 9####-####",
        ("Beatriz", "Larissa", "Conceição", "Fernanda"),
        ("João", "Thiago", "Rafael", "Antônio"),
        ("Souza", "Oliveira", "Gonçalves", "Araújo", "Nascimento"),
    ),
)  # fmt: skip
_WEIGHTS = (30, 16, 12, 9, 14, 7, 8, 4)

HOSPITALS = (
    ("Academisch Ziekenhuis Waterland", "Amsterdam", "NL"),
    ("Ziekenhuis De Linde", "Utrecht", "NL"),
    ("Stichting Kinderkliniek Noord", "Groningen", "NL"),
    ("Universitätsklinikum Spreeufer", "Berlin", "DE"),
    ("Klinikum am Rheinpark", "Köln", "DE"),
    ("Hôpital Sainte-Odile", "Lyon", "FR"),
    ("Centre de neurologie Belle-Rive", "Paris", "FR"),
    ("Hospital del Mirador", "Barcelona", "ES"),
    ("Royal Thames Hospital", "London", "GB"),
    ("Northern Moor Infirmary", "Leeds", "GB"),
    ("Szpital Kliniczny Wisła", "Warszawa", "PL"),
    ("Harborview Research Hospital", "New York", "US"),
)
SPECIALIZATIONS = (
    "Neurology", "Paediatric neurology", "Medical oncology", "Neuro-oncology", "Pulmonology", "Haematology",
    "Clinical genetics", "Internal medicine",
)  # fmt: skip


class Cast:
    """A stream of people, the same for the same seed; no two share an address."""

    def __init__(self, random_source: random.Random, today: date) -> None:
        self.random = random_source
        self.today = today
        self._addresses: set[str] = set()

    def people(self, *, youngest: int = 1, oldest: int = 88) -> Iterator[dict[str, Any]]:
        """Fields of a person, one after another: names, an address and phone for most, a birth date for most."""
        while True:
            yield self.person(youngest=youngest, oldest=oldest)

    def person(
        self,
        *,
        youngest: int = 1,
        oldest: int = 88,
        title: str | None = None,
        relative_of: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Fields of one; a relative is of the same country and has the same last name."""
        pick = self.random
        region = pick.choices(REGIONS, _WEIGHTS)[0]
        if relative_of is not None:
            region = next(region for region in REGIONS if region.country == relative_of["country"])
        is_woman = pick.random() < 0.52
        first = pick.choice(region.women if is_woman else region.men)
        last = relative_of["last_name"] if relative_of is not None else pick.choice(region.families)
        fields: dict[str, Any] = {
            "first_name": first,
            "last_name": last,
            "gender": "female" if is_woman else "male",
            "country": region.country,
            "language": region.language,
            "time_zone": region.time_zone,
        }
        if title is not None or pick.random() < 0.94:
            fields["email"] = self._address(first, last)
        if pick.random() < 0.8:
            fields["phone"] = "".join(str(pick.randrange(10)) if mark == "#" else mark for mark in region.phone)
        if title is None and pick.random() < 0.85:
            fields["date_of_birth"] = (
                self.today - timedelta(days=pick.randrange(youngest * 365, oldest * 365))
            ).isoformat()
        return fields

    def _address(self, first: str, last: str) -> str:
        local = f"{anyascii(first)}.{anyascii(last)}".lower().replace(" ", "").replace("'", "")
        number = 0
        while True:
            address = f"{local}{number or ''}@{'example.org' if number % 2 == 0 else 'example.net'}"
            if address not in self._addresses:
                self._addresses.add(address)
                return address
            number += 1
