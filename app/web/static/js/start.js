// Runs before the first paint: pages show what needs a script only where scripts run.
"use strict";

document.documentElement.classList.add("has-js");
