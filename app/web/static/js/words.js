// What scripts say, in the language of the page: `_("Copied")`, with values `_("%(count)s selected", { count })`.
// The words come with the page where it is not in English.
"use strict";

const _ = (() => {
  const words = JSON.parse(document.getElementById("words")?.content.textContent || "{}");
  return (sentence, values = {}) => (words[sentence] ?? sentence).replace(/%\((\w+)\)s/g, (all, name) => values[name] ?? all);
})();
