// The thread: stay at the end while the reader is there, copy, edit, ask again.
(() => {
  const scroll = document.getElementById("scroll");
  const thread = document.getElementById("thread");
  const jump = document.getElementById("jump");
  if (!thread) return;

  // ---- scrolling: only while the reader is at the end
  let pinned = true;
  const distance = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
  const toEnd = () => { scroll.scrollTop = scroll.scrollHeight; };
  const look = () => { jump.hidden = distance() < 120; };
  scroll.addEventListener("scroll", () => { pinned = distance() < 60; look(); }, { passive: true });
  for (const kind of ["wheel", "touchmove"]) {
    scroll.addEventListener(kind, (event) => { if (kind === "touchmove" || event.deltaY < 0) pinned = false; }, { passive: true });
  }
  new ResizeObserver(() => { if (pinned) toEnd(); look(); }).observe(thread);
  new ResizeObserver(() => { if (pinned) toEnd(); look(); }).observe(scroll);
  jump.querySelector("button").addEventListener("click", () => { pinned = true; toEnd(); });
  document.addEventListener("footnote:thread", (event) => { if (event.detail?.sent) { pinned = true; toEnd(); } });
  const wanted = location.hash.startsWith("#m-") && document.querySelector(location.hash);
  if (wanted) { pinned = false; wanted.scrollIntoView({ block: "start" }); } else toEnd();

  // ---- copy, with the sources under the text
  const copied = (answer) => {
    const text = answer.querySelector("template[data-plain]").content.textContent;
    const sources = [...answer.querySelectorAll(".sources a[data-cite]")].map((source) =>
      `[${source.dataset.cite}] ${source.querySelector(".title").textContent.trim()}: “${source.querySelector(".quote").textContent.trim()}”`);
    return sources.length ? `${text}\n\n${sources.join("\n")}` : text;
  };
  const copy = async (button) => {
    try {
      await navigator.clipboard.writeText(copied(button.closest(".answer")));
      Footnote.toast(Footnote.say("copied"), null, 3);
    } catch {
      Footnote.toast(Footnote.say("not-copied"));
    }
  };

  // ---- edit a question in place
  const edit = (question, open) => {
    const form = question.querySelector("form.edit");
    form.hidden = !open;
    question.querySelector(".said").hidden = question.querySelector(".tools").hidden = open;
    const field = form.querySelector("textarea");
    if (open) { field.focus(); field.setSelectionRange(field.value.length, field.value.length); }
    else question.querySelector("[data-edit]").focus();
  };

  const go = async (form, submitter) => {
    const button = submitter || form.querySelector("button");
    const data = new FormData(form, submitter);
    button.disabled = true;
    const response = await Footnote.post(form.action, data).catch(() => null);
    button.disabled = false;
    if (response?.ok) { location.assign((await response.json()).url); return; }
    if (response?.status === 422) Footnote.toast(Object.values((await response.json()).errors).flat().join(" "));
    else Footnote.toast(Footnote.say("unsent"));
  };

  thread.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if ("copy" in button.dataset) copy(button);
    if ("edit" in button.dataset) edit(button.closest(".question"), true);
    if ("cancel" in button.dataset) edit(button.closest(".question"), false);
  });
  thread.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.matches("[data-regenerate], form.edit")) { event.preventDefault(); go(form, event.submitter); }
  });
  thread.addEventListener("keydown", (event) => {
    const form = event.target.closest?.("form.edit");
    if (!form) return;
    if (event.key === "Escape") { event.stopPropagation(); edit(form.closest(".question"), false); }
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
  });
})();
