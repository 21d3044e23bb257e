// The list of conversations: rename in place, delete with a way back, a drawer on narrow screens.
(() => {
  const side = document.getElementById("side");
  const veil = document.getElementById("veil");
  const frame = document.getElementById("frame");
  if (!side) return;

  // ---- the drawer
  const openers = () => document.querySelectorAll("[data-opens=side]");
  const open = (yes) => {
    document.body.classList.toggle("side-open", yes);
    veil.hidden = !yes;
    document.getElementById("main").inert = yes;
    for (const button of openers()) button.setAttribute("aria-expanded", String(yes));
    if (yes) side.querySelector("a, button").focus();
    else [...openers()].find((button) => button.offsetParent)?.focus();
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-opens=side]")) open(true);
    if (event.target === veil) open(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.body.classList.contains("side-open")) {
      event.stopImmediatePropagation();
      open(false);
    }
  });
  matchMedia("(min-width: 75.01rem)").addEventListener("change", () => {
    if (document.body.classList.contains("side-open")) open(false);
  });

  side.querySelector("form[role=search]").addEventListener("submit", (event) => event.preventDefault());

  // ---- which one is open; a list that a search brought does not know
  const isCurrent = (link) => link.pathname === location.pathname;
  document.getElementById("side-list").addEventListener("htmx:afterSwap", () => {
    for (const link of side.querySelectorAll(".talk > a")) {
      if (isCurrent(link)) link.setAttribute("aria-current", "page");
    }
  });

  // ---- rename
  const rename = (button) => {
    const talk = button.closest(".talk");
    const link = talk.querySelector("a");
    const form = document.createElement("form");
    form.className = "rename";
    const input = document.createElement("input");
    input.value = link.title;
    input.maxLength = 200;
    input.dir = "auto";
    input.setAttribute("aria-label", button.title);
    form.append(input);
    const tools = talk.querySelector(".tools");
    link.hidden = tools.hidden = true;
    talk.prepend(form);
    input.select();
    let over = false;
    const back = () => { if (over) return; over = true; form.remove(); link.hidden = tools.hidden = false; link.focus(); };
    const save = async () => {
      if (over) return;
      if (!input.value.trim() || input.value === link.title) return back();
      const body = new FormData();
      body.set("title", input.value);
      try {
        const response = await Footnote.post(`${link.pathname}rename/`, body);
        if (!response.ok) throw new Error(response.status);
        const { title } = await response.json();
        link.textContent = link.title = title;
        if (isCurrent(link)) document.getElementById("title").textContent = title;
        back();
      } catch {
        Footnote.toast(Footnote.say("not-renamed"));
        input.focus();
      }
    };
    form.addEventListener("submit", (event) => { event.preventDefault(); save(); });
    input.addEventListener("blur", save);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { event.stopPropagation(); back(); }
    });
  };

  // ---- delete and undo
  const offerUndo = (restore) => Footnote.toast(Footnote.say("deleted"), {
    label: Footnote.say("undo"),
    run: async () => {
      const response = await Footnote.post(restore.url).catch(() => null);
      if (!response?.ok) return Footnote.toast(Footnote.say("not-restored"));
      if (restore.then) location.assign(restore.then);
      else htmx.ajax("GET", "/c/", "#side-list");
    },
  });
  const remove = async (button) => {
    const talk = button.closest(".talk");
    const link = talk.querySelector("a");
    const response = await Footnote.post(`${link.pathname}delete/`).catch(() => null);
    if (!response?.ok) return Footnote.toast(Footnote.say("not-deleted"));
    if (isCurrent(link)) {
      sessionStorage.setItem("footnote-undo", JSON.stringify({ url: `${link.pathname}restore/`, then: link.getAttribute("href") }));
      location.assign("/");
      return;
    }
    const list = talk.parentElement;
    (talk.nextElementSibling || talk.previousElementSibling)?.querySelector("a").focus();
    talk.remove();
    if (!list.children.length) { list.previousElementSibling.remove(); list.remove(); }
    offerUndo({ url: `${link.pathname}restore/` });
  };
  side.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button && "rename" in button.dataset) rename(button);
    if (button && "delete" in button.dataset) remove(button);
  });
  const left = sessionStorage.getItem("footnote-undo");
  if (left) {
    sessionStorage.removeItem("footnote-undo");
    offerUndo(JSON.parse(left));
  }
  frame.querySelector(".talk [aria-current]")?.scrollIntoView({ block: "nearest" });
})();
