// Opens a span beside the waterfall without loading the page anew. Without this script the links do the same.
(() => {
  const page = document.getElementById("trace");
  const beside = document.getElementById("span-beside");
  if (!page || !beside) return;
  // The page's own address ends in <trace id>/change/; spans live beside it.
  const spans = page.dataset.spans.replace(/change\/$/, "spans/");
  const bars = [...page.querySelectorAll("a.bar")];
  let asked = 0;

  const barOf = (span) => bars.find((bar) => bar.dataset.span === span);

  async function open(span, remember) {
    const bar = barOf(span);
    if (!bar) return;
    const turn = ++asked;
    bars.forEach((each) => each.removeAttribute("aria-current"));
    bar.setAttribute("aria-current", "true");
    if (remember) history.pushState({ span }, "", `?span=${span}#span-${span}`);
    beside.setAttribute("aria-busy", "true");
    const answer = await fetch(`${spans}${span}/`, { headers: { Accept: "text/html" } }).catch(() => null);
    if (turn !== asked) return;
    beside.removeAttribute("aria-busy");
    if (!answer || !answer.ok) {
      window.location.assign(bar.href);
      window.location.reload();
      return;
    }
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
    beside.replaceChildren(...parsed.body.childNodes);
    beside.scrollTop = 0;
    // Below the waterfall on a narrow screen, the span would open out of sight.
    if (remember && beside.getBoundingClientRect().top > window.innerHeight * 0.8) beside.scrollIntoView();
  }

  page.addEventListener("click", (event) => {
    const bar = event.target.closest("a.bar");
    if (!bar || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    open(bar.dataset.span, true);
  });

  page.addEventListener("keydown", (event) => {
    const at = bars.indexOf(event.target.closest?.("a.bar"));
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (at < 0 || !step) return;
    const next = bars[at + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
    open(next.dataset.span, true);
  });

  const opened = () => beside.querySelector("[data-opened]")?.dataset.opened;
  function follow() {
    const named = window.location.hash.match(/^#span-(.+)$/)?.[1] ?? new URLSearchParams(window.location.search).get("span");
    const span = named ?? bars[0]?.dataset.span;
    if (span && span !== opened()) open(span, false);
  }
  window.addEventListener("popstate", follow);
  if (window.location.hash.startsWith("#span-")) follow();
})();
