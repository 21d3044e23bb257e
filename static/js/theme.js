// Light or dark, before the first paint: the reader's choice if there is one, else the system's.
(() => {
  const root = document.documentElement;
  const read = () => { try { return localStorage.getItem("footnote-theme") || "system"; } catch { return "system"; } };
  const apply = () => {
    const theme = read();
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  apply();
  root.classList.add("js");
  addEventListener("storage", apply);
  addEventListener("DOMContentLoaded", () => {
    for (const input of document.querySelectorAll("input[name=theme]")) {
      input.checked = input.value === read();
      input.addEventListener("change", () => {
        try { localStorage.setItem("footnote-theme", input.value); } catch { /* a private window: until it closes */ }
        apply();
        if (input.value === "light" || input.value === "dark") root.dataset.theme = input.value;
      });
    }
  });
})();
