"""Small files for the demo data, made here: a page of PDF with a few lines, and a picture in grey."""

import random
import struct
import zlib
from collections.abc import Sequence

_SIDE = 96


def pdf(title: str, lines: Sequence[str]) -> bytes:
    """One page with a title and lines below it."""
    texts = [f"BT /F1 16 Tf 60 770 Td ({_escaped(title)}) Tj ET"]
    texts += [f"BT /F1 11 Tf 60 {735 - 18 * place} Td ({_escaped(line)}) Tj ET" for place, line in enumerate(lines)]
    content = "\n".join(texts).encode("cp1252", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 6 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Font << /F1 5 0 R >> >>",
    ]
    made, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(made))
    return made + head + table + end


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def picture(pick: random.Random) -> bytes:
    """A PNG in grey: a bright round shape on black, as the picture of a scan looks from afar."""
    across, down, size = pick.randint(36, 60), pick.randint(36, 60), pick.randint(22, 38)
    rows = b"".join(
        b"\0"
        + bytes(
            max(0, 230 - int(200 * ((x - across) ** 2 + (y - down) ** 2) / size**2)) + pick.randint(0, 20)
            for x in range(_SIDE)
        )
        for y in range(_SIDE)
    )
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
