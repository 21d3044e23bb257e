// What every page's scripts share: posting, notices, menus. Loaded first.
const Footnote = (() => {
  const token = () => document.querySelector("meta[name=csrf-token]")?.content || "";

  // What scripts say stands in the page, in the page's language.
  const words = document.getElementById("words")?.content;
  const say = (word) => words?.querySelector(`[data-word="${word}"]`)?.textContent || word;

  const post = (url, body) => fetch(url, {
    method: "POST",
    body,
    headers: { "X-CSRFToken": token(), "X-Requested-With": "footnote" },
    redirect: "follow",
  });

  // HTML that our server has sanitised, as nodes. The parser runs no scripts and loads nothing.
  const nodes = (html) => [...new DOMParser().parseFromString(html, "text/html").body.childNodes]
    .map((node) => document.importNode(node, true));

  const toast = (text, action, seconds = 8) => {
    const box = document.createElement("div");
    box.className = "toast";
    const said = document.createElement("span");
    said.textContent = text;
    box.append(said);
    const gone = () => box.remove();
    if (action) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = action.label;
      button.addEventListener("click", () => { gone(); action.run(); });
      box.append(button);
    }
    document.getElementById("toasts")?.append(box);
    setTimeout(gone, seconds * 1000);
  };

  const announce = (text) => {
    const place = document.getElementById("announce");
    if (place && place.textContent !== text) place.textContent = text;
  };

  const typing = () => document.activeElement?.closest("input, textarea, select, [contenteditable]");

  return { post, nodes, toast, announce, typing, token, say };
})();

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRFToken"] = Footnote.token();
});
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 404) Footnote.toast(Footnote.say("gone"));
  else Footnote.toast(Footnote.say("failed"));
});
document.addEventListener("htmx:sendError", () => Footnote.toast(Footnote.say("unreachable")));

// Menus close when the reader goes elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details[data-menu][open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
    event.stopImmediatePropagation();
  }
});

// A page from the browser's memory may be older than the conversation, or than the session.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

// A note that was waved away stays away in this browser.
for (const note of document.querySelectorAll("[data-dismissible]")) {
  const key = `footnote-dismissed-${note.dataset.dismissible}`;
  try { note.hidden = localStorage.getItem(key) === "yes"; } catch { /* no storage: it shows */ }
  note.querySelector("[data-dismiss]").addEventListener("click", () => {
    note.hidden = true;
    try { localStorage.setItem(key, "yes"); } catch { /* as above */ }
  });
}
for (const toast of document.querySelectorAll("[data-fades]")) setTimeout(() => toast.remove(), 8000);
