# ruff: noqa: RUF001, E501  names of people, as many as a line holds
"""
Synthetic people with names as they are spread: a few that many have, many that few have, of several languages.

Seeded: the n-th person is the same in every run.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import accumulate

SEED = 20261127
_RARE = 0.22
"""So many family names are made up of syllables: those that hardly anybody else has."""
_SYLLABLES = (
    "ba be bo bra da de dra el en er fa fe fi ga ge go ha he hol in ja jo ka ke kor la le lo lun ma me mi mon na ne no "
    "or pa pe po ra re ri ros sa se so sta ta te to tri ul va ve vi wa we wi ya ze zo"
).split()
_ENDS = "berg ding dorf er feld gaard huis in ki mans nen o ova quist ring sen ski son stra tti vic wald ya".split()


@dataclass(frozen=True)
class Locale:
    weight: int
    first: list[str]
    last: list[str]
    particles: tuple[str, ...] = ()
    joins_first: bool = False


LOCALES = (
    Locale(24, "Jan Maria Anna Johannes Pieter Willem Hendrik Cornelia Sanne Daan Emma Lotte Bram Femke Thijs Sophie Lars Julia "
           "Ruben Eva Tim Lisa Sem Tess Niels Fleur Joost Marieke Karin Petra Wouter Ilse".split(),
           "Jong Jansen Vries Berg Bakker Dijk Visser Smit Meijer Boer Mulder Groot Bos Vos Peters Hendriks Leeuwen Dekker "
           "Brouwer Wit Dijkstra Smits Graaf Meer Kok Jacobs Haan Vermeulen Schouten Willems Hoekstra Koster Prins".split(),
           ("de", "van", "van der", "van den", "van de", "ter")),
    Locale(14, "Jürgen Jörg Anna Lukas Käthe Günther Björn Sabine Heike Wolfgang Ursula Jens Katrin Uwe Monika Stefan Hans-Peter "
           "Karl-Heinz Anne-Marie Eva-Maria Lena Paul Felix Greta".split(),
           "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter Klein Wolf "
           "Schröder Neumann Schwarz Zimmermann Krüger Hofmann König Köhler Groß Weiß Jäger Böhm".split(), ("von",), True),
    Locale(14, "John Mary James Patricia Robert Jennifer Michael Linda William Elizabeth David Susan Richard Karen Sean Niamh Emily "
           "Oliver Grace Harry Chloe Liam".split(),
           "Doe Smith Johnson Williams Brown Jones Miller Davis O'Brien O'Connor McDonald Taylor Wilson Thomas Moore White "
           "Clark Hall Young King Wright Hill Green Baker Adams Hayes Hays Nelson".split()),
    Locale(9, "Jean Marie François Hélène René Chloé Noël Zoë Benoît Thérèse Jérôme Léa Jean-Pierre Marie-Claire Anne-Sophie Luc "
           "Margaux Camille".split(),
           "Dupont Martin Bernard Dubois Lefèvre Moreau Laurent Simon Michel Garçon Girard Bonnet François Mercier Blanc "
           "Guérin Boyer Chevalier D'Almeida Fontaine".split(), ("de", "le", "du"), True),
    Locale(9, "José María Lucía Sofía Ángel Andrés Begoña Íñigo Carmen Pablo Raúl Inés Nuria Óscar Beatriz Diego".split(),
           "García Núñez Muñoz López Martínez Sánchez Pérez Gómez Fernández Jiménez Ruiz Álvarez Peña Ibáñez Castro".split(),
           ("de la", "del")),
    Locale(6, "Søren Bjørn Åse Kåre Märta Jón Þórdís Guðrún Sæmundur Øyvind Freja Lærke Åsa Göran Sólveig".split(),
           "Sørensen Ågård Bjørnsen Østergaard Jónsdóttir Þórsson Hansen Nielsen Lindström Öberg Sjögren Kjær Møller".split()),
    Locale(5, "Łukasz Đorđe Željko Šárka Zoltán Ján Božena Čedomir Agnieszka Piotr Jiří Ana Ivana".split(),
           "Wiśniewski Petrović Dvořák Szabó Đukić Nowak Žukauskas Kovačević Novák Kowalczyk Horváth Łęcki".split()),
    Locale(4, "Ahmet İpek Işıl Mehmet Ayşe Çağrı Gülşen Emre Oğuz Zeynep".split(),
           "Yılmaz Çelik Öztürk Şahin Kılıç Ağaoğlu Demir Doğan Yıldız".split()),
    Locale(3, "Fatima Mohammed Ahmed Aisha Omar Youssef Khadija Hassan Amina Ibrahim".split(),
           "Haddad Khalil Mansour Nasser Farouk Saleh Aziz Benali".split(), ("El", "Ben", "Al")),
    Locale(3, "Дмитрий Анна Юлия Сергей Мария Фёдор Ольга Алексей Наталья Иван".split(),
           "Жукова Иванов Петрова Соколов Фёдоров Хабибуллин Щукин Юрьева Кузнецов".split()),
    Locale(2, "Νίκος Χρήστος Ευάγγελος Μαρία Γιώργος Ελένη Ουρανία".split(),
           "Παπαδόπουλος Χατζής Αγγελόπουλος Οικονόμου Γεωργίου Νικολάου".split()),
    Locale(4, "伟 芳 小明 秀英 娜 敏 静 强 丽 建国".split(), "王 李 张 刘 陈 杨 黄 吴 周 徐".split()),
    Locale(2, "Li Wei Xiu Wai Yoko Min-jun Ji-woo Mai Linh Hung".split(), "Ng Li O Kim Lee Wu Nguyễn Trần Phạm Oh".split()),
    Locale(1, "民준 민준 서연 지훈 하은 ケン さくら".replace("民준 ", "").split(), "김 이 박 최 タナカ スズキ".split()),
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    first: str
    last: str
    preferred: str | None
    email: str
    phone: str
    born: date
    is_active: bool


_FURTHER_FIRST, _FURTHER_LAST = 120, 2_500


def _further(locale: Locale) -> Locale:
    """With further names that fewer and fewer have, of its own Latin letters; other scripts stay as they are."""
    if not locale.last[0].isascii() and ord(locale.last[0][0]) > 0x24F:
        return locale
    chance = random.Random(locale.last[0])
    first = [*locale.first, *dict.fromkeys(made_up(chance, short=True) for _ in range(_FURTHER_FIRST))]
    last = [*locale.last, *dict.fromkeys(made_up(chance) for _ in range(_FURTHER_LAST))]
    return replace(locale, first=first, last=last)


def _zipf(names: list[str]) -> list[float]:
    return list(accumulate(1 / (1 + place) for place in range(len(names))))


def made_up(chance: random.Random, *, short: bool = False) -> str:
    middle = "".join(chance.choices(_SYLLABLES, k=2 if short else chance.choice((2, 2, 3))))
    return (middle + chance.choice("a o i e n s".split() if short else _ENDS)).capitalize()


def people(count: int) -> Iterator[Person]:
    chance = random.Random(SEED)
    locales = [_further(locale) for locale in LOCALES]
    weights = [locale.weight for locale in locales]
    firsts = {id(locale): _zipf(locale.first) for locale in locales}
    lasts = {id(locale): _zipf(locale.last) for locale in locales}
    for number in range(1, count + 1):
        (locale,) = chance.choices(locales, weights)
        (first,) = chance.choices(locale.first, cum_weights=firsts[id(locale)])
        (last,) = chance.choices(locale.last, cum_weights=lasts[id(locale)])
        is_latin = last.isascii() or ord(last[0]) < 0x250
        if is_latin and chance.random() < _RARE:
            last = made_up(chance)
        elif is_latin and locale.joins_first and chance.random() < 0.06:
            last = f"{last}-{chance.choice(locale.last)}"
        if locale.particles and chance.random() < 0.3:
            last = f"{chance.choice(locale.particles)} {last}"
        preferred = chance.choice(locale.first) if chance.random() < 0.08 else None
        plain = (
            f"{first}.{last}".encode("ascii", "ignore").decode().lower().replace(" ", "").replace("'", "").strip(".-")
        )
        yield Person(
            first,
            last,
            preferred,
            f"{plain or 'mail'}.{number}@example.org",
            f"6{(number * 7919 + 12_345_678) % 100_000_000:08d}",
            date(1930, 1, 1) + timedelta(days=chance.randrange(30_000)),
            number % 25 != 0,
        )
