// Attaching files to the conversation: the paper-clip, dropping, pasting; each file's state until it can be asked about.
(() => {
  const form = document.getElementById("composer");
  const button = document.getElementById("attach");
  const input = document.getElementById("attach-files");
  const veil = document.getElementById("drop-veil");
  const id = document.getElementById("composer-attachments");
  if (!form || !button) return;
  const list = () => document.getElementById("attachments");
  const fill = (word, values) => Footnote.say(word).replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const LOOK_AGAIN = 1000;
  let timer = 0;
  let changes = 0;

  // ---- the list as the server has it; what has changed since is said aloud
  const states = () => new Map([...list().querySelectorAll("[data-name]")].map((each) => [each.dataset.name, each.dataset.state]));
  const show = async (html) => {
    changes += 1;
    const fresh = Footnote.nodes(html).find((node) => node.id === "attachments");
    // A question that is sent meanwhile has its files.
    if (fresh.dataset.attachments) id.value = fresh.dataset.attachments;
    await Press.released(list());
    const before = states();
    const focused = document.activeElement?.dataset?.detach;
    // The server does not keep what it refused: it stays here until somebody has read it.
    const refused = [...list().querySelectorAll("[data-state=refused]")].filter((old) => ![...fresh.querySelectorAll("[data-name]")].some((each) => each.dataset.name === old.dataset.name));
    fresh.querySelector("ul").append(...refused);
    if (refused.length) fresh.hidden = false;
    list().replaceWith(fresh);
    if (focused) (fresh.querySelector(`[data-detach="${focused}"]`) || button).focus();
    for (const each of fresh.querySelectorAll("[data-name]")) {
      const { name, state, reason } = each.dataset;
      if (before.get(name) === state) continue;
      if (state === "ready") Footnote.announce(fill("attached-ready", { name }));
      if (state === "failed" || state === "refused") Footnote.announce(fill("attached-failed", { name, reason }));
    }
    watch();
  };
  const watch = () => {
    clearTimeout(timer);
    if ("reading" in list().dataset) timer = setTimeout(look, LOOK_AGAIN);
  };
  const look = async () => {
    const asked = changes;
    const response = await fetch(list().dataset.url, { headers: { "X-Requested-With": "footnote" } }).catch(() => null);
    const html = response?.ok ? await response.text() : "";
    await Press.released(list());
    // A file was added or taken away meanwhile: this list is of before, and the one that came with that is shown.
    if (asked !== changes) return;
    if (html) show(html);
    else if (response?.status !== 404) timer = setTimeout(look, 5 * LOOK_AGAIN);
  };

  // ---- sending, one by one, so that a lost connection or a file that is refused does not take the others with it
  const send = async (file) => {
    const body = new FormData();
    body.set("files", file);
    if (id.value) body.set("attachments", id.value);
    Footnote.announce(fill("attaching", { name: file.name }));
    const response = await Footnote.post(button.dataset.url, body).catch(() => null);
    if (response?.ok && !response.redirected) return show(await response.text());
    const said = response?.status === 422 ? Object.values((await response.json()).errors).flat().join(" ") : "";
    Footnote.toast(said || fill("not-attached", { name: file.name }));
  };
  let sending = Promise.resolve();
  const attach = (files) => {
    form.classList.add("is-attaching");
    for (const file of files) sending = sending.then(() => send(file));
    sending = sending.then(() => form.classList.remove("is-attaching"));
  };

  button.hidden = false;
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => { attach([...input.files]); input.value = ""; });
  document.addEventListener("click", async (event) => {
    const read = event.target.closest("[data-dismiss]");
    if (read) { read.closest("li").remove(); list().hidden = !list().querySelector("li"); button.focus(); return; }
    const gone = event.target.closest("[data-detach]");
    if (!gone) return;
    gone.disabled = true;
    changes += 1;
    const response = await Footnote.post(gone.dataset.detach).catch(() => null);
    if (response?.ok) { await show(await response.text()); button.focus(); }
    else { gone.disabled = false; Footnote.toast(Footnote.say("failed")); watch(); }
  });

  // ---- dropping anywhere on the page, and pasting
  const carries = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  let depth = 0;
  const cover = (yes) => { depth = yes ? depth : 0; veil.hidden = !yes; };
  document.addEventListener("dragenter", (event) => { if (carries(event)) { event.preventDefault(); depth += 1; cover(true); } });
  document.addEventListener("dragover", (event) => { if (carries(event)) event.preventDefault(); });
  document.addEventListener("dragleave", (event) => { if (carries(event) && (depth -= 1) <= 0) cover(false); });
  document.addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    cover(false);
    attach([...event.dataTransfer.files]);
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files || [])];
    if (files.length) { event.preventDefault(); attach(files); }
  });
  watch();
})();
