// Starts Swagger UI or Redoc on /docs and /redoc. A file of its own because the pages allow no inline script.
"use strict";

const place = document.getElementById("api-docs");
const description = place.dataset.openapi;

if (place.dataset.viewer === "swagger") {
  SwaggerUIBundle({
    url: description,
    domNode: place,
    deepLinking: true,
    // Never asks the vendor's validator service about the description.
    validatorUrl: null,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    persistAuthorization: false,
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
  });
} else {
  Redoc.init(
    description,
    {
      // The search index runs in a worker made from a blob, which the content security policy refuses.
      disableSearch: true,
      hideDownloadButton: false,
      hideHostname: false,
      nativeScrollbars: true,
      theme: { typography: { fontFamily: "inherit", headings: { fontFamily: "inherit" } } },
    },
    place,
  );
}
