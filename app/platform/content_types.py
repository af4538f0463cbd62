"""
What a file is, by its first and last bytes and never by its name; and which kinds are taken.

An archive is not unpacked: whether one is a document of an office program is told by the names that stand in it.
"""

from typing import Final

SAMPLE_BYTES: Final = 64 * 1024
"""How much of the beginning and of the end is looked at."""
_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_OPEN: Final = "application/vnd.oasis.opendocument."
TAKEN: Final = {
    "application/pdf": "pdf",
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/tiff": "tiff",
    "image/heif": "heic",
    "application/dicom": "dcm",
    f"{_OFFICE}wordprocessingml.document": "docx",
    f"{_OFFICE}spreadsheetml.sheet": "xlsx",
    f"{_OFFICE}presentationml.presentation": "pptx",
    f"{_OPEN}text": "odt",
    f"{_OPEN}spreadsheet": "ods",
    "application/msword": "doc",
    "application/rtf": "rtf",
    "message/rfc822": "eml",
    "text/plain": "txt",
}
"""The kinds that are taken, with how a name of such a file ends."""
SHOWN_INLINE: Final = frozenset({"application/pdf", "image/png", "image/jpeg", "image/gif", "image/webp"})
"""The kinds that a browser may show itself: none of them runs what is in it within our pages."""
_PARTS: Final = {
    b"word/document": f"{_OFFICE}wordprocessingml.document",
    b"xl/workbook": f"{_OFFICE}spreadsheetml.sheet",
    b"ppt/presentation": f"{_OFFICE}presentationml.presentation",
}
_SURE: Final = 0.4
_ARCHIVE: Final = b"PK\x03\x04"


def content_type_of(beginning: bytes, end: bytes = b"") -> str | None:
    """The kind of a file of which these are the first and the last bytes, None where it is not one that is taken."""
    if beginning.startswith(_ARCHIVE):
        return _of_archive(beginning, end)
    kinds, confidence = _by_its_magic(beginning)
    known = next((kind for kind in kinds if kind in TAKEN), None)
    # Texts begin with two letters of a magic, as "BM"; what has more of one is that.
    if known is None and confidence < _SURE and _is_text(beginning):
        return "text/plain"
    return known


def _by_its_magic(beginning: bytes) -> tuple[list[str], float]:
    """The kinds that it is most surely, and how surely: several begin alike."""
    # Its table of 1 MB is read on import: by the first upload, and not by every command.
    import puremagic  # noqa: PLC0415

    try:
        found = [one for one in puremagic.magic_string(beginning) if one.mime_type]
    except (puremagic.PureError, ValueError):
        return [], 0.0
    surest = max((one.confidence for one in found), default=0.0)
    return [one.mime_type for one in found if one.confidence == surest], surest


def _of_archive(beginning: bytes, end: bytes) -> str | None:
    name_length = int.from_bytes(beginning[26:28], "little")
    if beginning[30 : 30 + name_length] == b"mimetype":
        stated = beginning[30 + name_length :][:64].partition(b"PK")[0].decode("ascii", "replace")
        return next((kind for kind in TAKEN if kind.startswith(_OPEN) and stated == kind), None)
    return next((kind for part, kind in _PARTS.items() if part in beginning or part in end), None)


def _is_text(beginning: bytes) -> bool:
    """Whether it reads as UTF-8 without control characters; a character at the end of the sample may be cut."""
    try:
        text = beginning.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(beginning) - 3 or len(beginning) < SAMPLE_BYTES:
            return False
        text = beginning[: error.start].decode("utf-8")
    return bool(text.strip()) and not any(c < " " and c not in "\t\n\r\f" for c in text)
