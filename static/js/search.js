// The search page: suggestions under the box, and the keyboard through box and results.
(() => {
  const form = document.getElementById("search-form");
  const box = document.getElementById("search-box");
  const list = document.getElementById("suggestions");
  const options = () => [...list.querySelectorAll("[role=option]")];
  const selected = () => list.querySelector("[aria-selected=true]");
  const select = (option) => {
    selected()?.removeAttribute("aria-selected");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) box.setAttribute("aria-activedescendant", option.id);
    else box.removeAttribute("aria-activedescendant");
  };
  const show = (isOpen) => {
    list.hidden = !isOpen;
    box.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) select(null);
  };
  const take = (option) => {
    if (option.href) { location.assign(option.href); return; }
    box.value = option.dataset.fills || option.dataset.searches;
    show(false);
    box.focus();
    if (option.dataset.searches) form.requestSubmit();
  };

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target === list) show(options().length > 0 && document.activeElement === box);
  });
  list.addEventListener("mousedown", (event) => {
    const option = event.target.closest("[role=option]");
    if (option && event.button === 0) { event.preventDefault(); take(option); }
  });
  box.addEventListener("blur", () => show(false));
  box.addEventListener("keydown", (event) => {
    const all = options();
    const at = all.indexOf(selected());
    if (event.key === "Escape" && !list.hidden) { event.preventDefault(); event.stopPropagation(); show(false); }
    else if (event.key === "Enter" && selected()) { event.preventDefault(); take(selected()); }
    else if (event.key === "ArrowDown" && !list.hidden) { event.preventDefault(); select(all[(at + 1) % all.length]); }
    else if (event.key === "ArrowUp" && !list.hidden) { event.preventDefault(); select(all[(at < 1 ? all.length : at) - 1]); }
    else if (event.key === "ArrowDown") { const first = results()[0]; if (first) { event.preventDefault(); first.focus(); } }
  });
  for (const name of ["as_of", "rerank"])
    form.elements[name]?.addEventListener("change", () => { if (box.value) form.requestSubmit(); });
  // An empty day does not belong into the address.
  form.addEventListener("submit", () => { form.elements.as_of.disabled = !form.elements.as_of.value; });
  addEventListener("pageshow", () => { form.elements.as_of.disabled = false; });

  const results = () => [...document.querySelectorAll("[data-result]")];
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.metaKey || event.ctrlKey || document.querySelector("dialog[open]")) return;
    const key = Footnote.typing() ? event.key : { j: "ArrowDown", k: "ArrowUp", o: "Enter" }[event.key] || event.key;
    if (event.key === "/" && !Footnote.typing()) { event.preventDefault(); box.focus(); box.select(); return; }
    const all = results();
    const at = all.indexOf(document.activeElement);
    if (at < 0) {
      // From anywhere on the page, j begins with the first result.
      if (event.key === "j" && key === "ArrowDown" && all.length) { event.preventDefault(); all[0].focus(); }
      return;
    }
    if (key === "ArrowDown" && all[at + 1]) { event.preventDefault(); all[at + 1].focus(); }
    if (key === "ArrowUp") { event.preventDefault(); (all[at - 1] || box).focus(); }
    if (event.key === "o" && key === "Enter") { event.preventDefault(); all[at].click(); }
    if (event.key === "Escape" && document.getElementById("pane")?.hidden !== false) box.focus();
  });
})();
