// The question field: grows, sends with Enter, keeps its draft, stops with Esc. Without this script the form still posts.
(() => {
  const form = document.getElementById("composer");
  if (!form) return;
  const text = document.getElementById("composer-text");
  const send = document.getElementById("composer-send");
  const stopButton = document.getElementById("composer-stop");
  const problem = document.getElementById("composer-error");
  const parent = document.getElementById("composer-parent");
  const thread = document.getElementById("thread");
  const key = `footnote-draft-${form.dataset.tenant}-${form.dataset.draft}`;
  let sending = false;

  // ---- size
  const grow = () => {
    if (CSS.supports("field-sizing", "content")) return;
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight}px`;
  };

  // ---- draft
  const storage = {
    get: () => { try { return localStorage.getItem(key) || ""; } catch { return ""; } },
    set: (value) => { try { if (value) localStorage.setItem(key, value); else localStorage.removeItem(key); } catch { /* no storage, no draft */ } },
  };
  if (!text.value) text.value = storage.get();
  grow();
  text.addEventListener("input", () => { storage.set(text.value); grow(); hideProblem(); });

  // ---- errors stand at the field, and what was typed stays in it
  const showProblem = (words) => { problem.hidden = false; problem.querySelector("p").textContent = words; };
  const hideProblem = () => { problem.hidden = true; };

  // ---- sending
  const streaming = () => document.querySelector(".answer[data-stream]");
  const showState = () => {
    const busy = Boolean(streaming());
    stopButton.hidden = !busy;
    send.hidden = busy;
  };
  const submit = async (submitter) => {
    if (sending || streaming()) return;
    const data = new FormData(form, submitter);
    const question = String(data.get("suggestion") || data.get("text") || "");
    if (!question.trim()) return text.focus();
    sending = true;
    send.disabled = true;
    hideProblem();
    try {
      const response = await Footnote.post(form.action, data);
      if (response.redirected && new URL(response.url).pathname.startsWith("/sign-in")) {
        return showProblem(Footnote.say("signed-out"));
      }
      if (response.status === 422) return showProblem(Object.values((await response.json()).errors).flat().join(" "));
      if (!response.ok) return showProblem(response.status === 503
        ? Footnote.say("busy-question")
        : Footnote.say("unsent-question"));
      storage.set("");
      if (response.headers.get("Content-Type").startsWith("application/json")) {
        location.assign((await response.json()).url);
        return;
      }
      text.value = "";
      grow();
      const added = Footnote.nodes(await response.text());
      thread.append(...added);
      htmx.process(thread);
      parent.value = thread.lastElementChild.dataset.message;
      document.dispatchEvent(new CustomEvent("footnote:thread", { detail: { sent: true } }));
      text.focus();
    } catch {
      showProblem(Footnote.say("unreachable-question"));
    } finally {
      sending = false;
      send.disabled = false;
      showState();
    }
  };
  form.addEventListener("submit", (event) => { event.preventDefault(); submit(event.submitter); });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit(send);
    }
  });

  // ---- stopping
  const stop = async () => {
    const answer = streaming();
    if (!answer) return false;
    stopButton.disabled = true;
    const response = await Footnote.post(answer.dataset.stop).catch(() => null);
    stopButton.disabled = false;
    if (!response?.ok) Footnote.toast(Footnote.say("not-stopped"));
    return true;
  };
  stopButton.addEventListener("click", stop);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !document.querySelector("dialog[open]") && streaming()) {
      event.stopImmediatePropagation();
      stop();
    }
  });
  document.addEventListener("footnote:thread", showState);
  showState();

  // Typing anywhere goes to the field.
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !Footnote.typing() && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      text.focus();
    }
  });
})();
