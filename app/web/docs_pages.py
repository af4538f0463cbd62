"""
`/docs` (Swagger UI) and `/redoc`, from files of our own: they work without the internet and run no inline script.
"""

from http import HTTPStatus

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse

from app.web.render import CONTENT_SECURITY_POLICY, page

router = APIRouter(include_in_schema=False)

# Redoc writes its style rules through the CSSOM of style elements that it makes itself. The policy knows such an
# element by the hash of its text: the empty text, and the one constant text of Redoc's scrollbar. This page alone
# allows these two texts; any other inline style, and every inline script, stays refused. A browser test counts the
# violations, so that a new Redoc with another text is noticed.
REDOC_STYLES = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='",
)
REDOC_POLICY = CONTENT_SECURITY_POLICY.replace("style-src 'self'", f"style-src 'self' {' '.join(REDOC_STYLES)}")


@router.get("/docs")
async def swagger_ui(request: Request) -> HTMLResponse:
    """The API's description to read and to try, with Swagger UI."""
    return page(request, "docs/swagger.html", {"openapi": request.app.openapi_url}, status=HTTPStatus.OK)


@router.get("/redoc")
async def redoc(request: Request) -> HTMLResponse:
    """The API's description to read, with Redoc."""
    headers = {"content-security-policy": REDOC_POLICY}
    return page(request, "docs/redoc.html", {"openapi": request.app.openapi_url}, headers=headers)


def mount_docs(app: FastAPI) -> None:
    """Serves both pages. The application is made with docs_url=None and redoc_url=None and has its templates."""
    app.include_router(router)
