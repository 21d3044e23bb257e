// Ctrl/Cmd-K: go to a conversation, find a document, start a new chat.
(() => {
  const dialog = document.getElementById("palette");
  if (!dialog) return;
  const input = document.getElementById("palette-input");
  const results = document.getElementById("palette-results");
  const options = () => [...results.querySelectorAll("[role=option]")];
  let at = 0;

  const choose = (index) => {
    const all = options();
    at = all.length ? (index + all.length) % all.length : 0;
    all.forEach((option, place) => option.setAttribute("aria-selected", String(place === at)));
    if (all[at]) {
      input.setAttribute("aria-activedescendant", all[at].id);
      all[at].scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  };
  const open = () => {
    if (dialog.open) return dialog.close();
    dialog.showModal();
    input.value = "";
    htmx.trigger(input, "footnote:open");
  };

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open();
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-opens=palette]")) open();
    if (event.target === dialog) dialog.close();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { event.preventDefault(); choose(at + 1); }
    if (event.key === "ArrowUp") { event.preventDefault(); choose(at - 1); }
    if (event.key === "Enter") { event.preventDefault(); options()[at]?.click(); }
  });
  results.addEventListener("htmx:afterSwap", () => choose(0));
  results.addEventListener("mousemove", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) choose(options().indexOf(option));
  });
})();
