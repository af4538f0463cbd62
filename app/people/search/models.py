from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.db import HEALTH, INTERNAL, PERSONAL, Base, BigKey, Rows


class PersonSearch(Base, rows=Rows.PART):
    """
    What a person is found by: one row a person, one index over all of it.

    The terms of the index are made by the database function `search_terms`: beginnings of words, whole words, marks,
    and buckets of `num`, the running number in the order of creation. A search goes through the buckets from the newest
    on, so that a word that millions have costs no more than one that few have.

    `words` are written by rows.py. The rest follows the person, their patient record, leads and physician record by
    triggers: `marks` are what lists filter by (`search_marks`). A table of its own, so that other changes of a person
    do not touch the index.
    """

    __tablename__ = "person_search"
    __table_args__ = (
        Index(
            "ix_person_search_terms",
            text("search_terms(words, num, is_active, date_of_birth, marks)"),
            postgresql_using="gin",
            # A list of pending entries would be read by every search.
            postgresql_with={"fastupdate": "off"},
        ),
    )

    person_id: Mapped[UUID] = mapped_column(
        ForeignKey("person.person_id", ondelete="CASCADE"), primary_key=True, info=INTERNAL
    )
    num: Mapped[BigKey] = mapped_column(BigInteger, Identity(), info=INTERNAL)
    is_active: Mapped[bool] = mapped_column(info=INTERNAL)
    date_of_birth: Mapped[date | None] = mapped_column(info=PERSONAL)
    words: Mapped[str] = mapped_column(info=PERSONAL)
    marks: Mapped[list[str]] = mapped_column(server_default=text("'{}'"), info=HEALTH)
    folding: Mapped[int] = mapped_column(SmallInteger, info=INTERNAL)


class SearchWord(Base, rows=Rows.DISPOSABLE):
    """
    A written word of names, for typing errors; `people` is how many had it when they were last counted.

    Not unique: two who bring the same new word do not wait for each other. Doubles go when words are counted anew.
    """

    __tablename__ = "search_word"
    __table_args__ = (
        Index("ix_search_word_word", "word"),
        Index(
            "ix_search_word_near_keys",
            text("near_keys(word, 7)"),
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        ),
    )

    search_word_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, info=INTERNAL)
    word: Mapped[str] = mapped_column(info=PERSONAL)
    people: Mapped[int] = mapped_column(server_default=text("1"), info=INTERNAL)
