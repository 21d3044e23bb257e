// Citations: a peek on hover and focus, the source beside the thread on click, arrows from one to the next.
(() => {
  const pane = document.getElementById("pane");
  const frame = document.getElementById("frame");
  let opener = null;
  let answer = null;

  // ---- the pane
  const showPlace = (root) => {
    const place = root.querySelector("[data-marks] rect, mark");
    const body = root.querySelector(".pane-body");
    if (!place || !body) return;
    const bring = () => {
      const top = place.getBoundingClientRect().top - body.getBoundingClientRect().top;
      body.scrollTop += top - body.clientHeight / 3;
    };
    const picture = root.querySelector(".sheet-of-paper img");
    if (picture && !picture.complete) picture.addEventListener("load", bring, { once: true });
    bring();
  };
  const current = (number) => {
    for (const each of document.querySelectorAll("#thread [data-cite][aria-current]")) each.removeAttribute("aria-current");
    if (!number || !answer) return;
    for (const each of answer.querySelectorAll(`a[data-cite="${number}"]`)) each.setAttribute("aria-current", "true");
  };
  const close = () => {
    if (!pane || pane.hidden) return;
    pane.hidden = true;
    pane.replaceChildren();
    frame.classList.remove("has-pane");
    current(null);
    opener?.isConnected && opener.focus();
    opener = answer = null;
  };
  const open = async (link) => {
    if (!pane.contains(link)) { opener = link; answer = link.closest(".answer"); }
    if (pane.hidden) {
      const waiting = document.createElement("p");
      waiting.className = "loading";
      waiting.textContent = Footnote.say("opening");
      pane.replaceChildren(waiting);
    }
    pane.hidden = false;
    frame.classList.add("has-pane");
    current(link.dataset.cite);
    await htmx.ajax("GET", link.getAttribute("href"), { target: "#pane", swap: "innerHTML" });
    showPlace(pane);
    pane.querySelector("#pane-title")?.focus({ preventScroll: true });
  };
  const plain = (event) => event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-cite], a[data-source]");
    if (link && pane && plain(event)) { event.preventDefault(); hide(); open(link); }
    if (event.target.closest("[data-close-pane]")) {
      if (pane) close();
      else if (history.length > 1) history.back();
      else location.assign("/");
    }
  });
  document.addEventListener("keydown", (event) => {
    const shown = pane ? !pane.hidden : document.querySelector("[data-pane]");
    if (!shown || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") close();
    const step = { ArrowLeft: "previous", ArrowRight: "next" }[event.key];
    if (step && !Footnote.typing() && !event.altKey && !event.metaKey && !event.ctrlKey) {
      const link = document.querySelector(`[data-step="${step}"]`);
      if (link) { event.preventDefault(); link.click(); }
    }
  });
  document.addEventListener("htmx:responseError", (event) => { if (event.detail.target === pane) close(); });
  if (!pane) showPlace(document);

  // ---- the peek
  const peek = document.createElement("div");
  peek.className = "peek";
  peek.id = "peek";
  peek.setAttribute("role", "tooltip");
  peek.hidden = true;
  document.body.append(peek);
  let chip = null;
  function hide() {
    peek.hidden = true;
    chip?.removeAttribute("aria-describedby");
    chip = null;
  }
  const show = (target) => {
    const source = target.closest(".answer")?.querySelector(`.sources a[data-cite="${target.dataset.cite}"]`);
    if (!source || source === target) return;
    hide();
    chip = target;
    peek.replaceChildren(source.querySelector(".title").cloneNode(true), source.querySelector(".quote").cloneNode(true));
    peek.hidden = false;
    const box = target.getBoundingClientRect();
    const size = peek.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left + box.width / 2 - size.width / 2), innerWidth - size.width - 8);
    const above = box.top - size.height - 6;
    peek.style.left = `${left}px`;
    peek.style.top = `${above > 8 ? above : box.bottom + 6}px`;
    target.setAttribute("aria-describedby", "peek");
  };
  const over = (event) => { const target = event.target.closest?.(".text a.cite"); if (target) show(target); };
  document.addEventListener("mouseover", over);
  document.addEventListener("focusin", over);
  document.addEventListener("mouseout", (event) => { if (event.target.closest?.(".text a.cite")) hide(); });
  document.addEventListener("focusout", (event) => { if (event.target === chip) hide(); });
  document.addEventListener("scroll", hide, { capture: true, passive: true });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && chip) { hide(); event.stopImmediatePropagation(); } }, { capture: true });
})();
